"use strict";
(() => {
  const model = JSON.parse(document.getElementById("model").textContent);
  const predict = fcnetNetwork(model), show = fcnetBars(model.outputs);
  const rows = [...document.querySelectorAll("#features li")].map((row, i) => ({
    slider: row.querySelector("input"), told: row.querySelector("output"), ...model.features[i],
  }));
  // A slider has whole steps from low; the first value is that of the data, whether it is one of them or not.
  const values = rows.map((row) => row.value);
  const text = (v) => Number(v.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "−");
  function tell(i) {
    rows[i].told.textContent = text(values[i]);
    rows[i].slider.setAttribute("aria-valuetext", text(values[i]));
  }
  function reset(next) {
    rows.forEach((row, i) => {
      values[i] = next[i];
      row.slider.value = Math.round((next[i] - row.low) / row.step);
      tell(i);
    });
    show(predict(values));
  }
  rows.forEach((row, i) =>
    row.slider.addEventListener("input", () => {
      values[i] = row.low + row.slider.value * row.step;
      tell(i);
      show(predict(values));
    }));
  let example = 0;
  document.getElementById("reset").addEventListener("click", () => reset(rows.map((row) => row.value)));
  document.getElementById("example")?.addEventListener("click", () => reset(model.examples[example++ % model.examples.length]));
  reset(values);
})();
