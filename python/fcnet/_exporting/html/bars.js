"use strict";
// fcnetBars(outputs): shows outputs as bars, from outputs.low to outputs.high; null empties them.
function fcnetBars(outputs) {
  const rows = [...document.querySelectorAll("#bars li")], said = document.getElementById("said");
  const part = (v) => Math.max(0, Math.min(1, (v - outputs.low) / (outputs.high - outputs.low)));
  const text = (v) => (outputs.shares ? `${(100 * v).toFixed(1)}%` : Number(v.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "−"));
  return (y) => {
    const best = y === null ? -1 : y.reduce((most, v, j) => (v > y[most] ? j : most), 0);
    rows.forEach((row, j) => {
      row.classList.toggle("best", outputs.classes && j === best);
      row.querySelector("i").style.width = y === null ? "0" : `${100 * part(y[j])}%`;
      row.querySelector("output").textContent = y === null ? "–" : text(y[j]);
    });
    if (!said) return;
    const two = y !== null && y.length === 1; // a sigmoid decides between two classes
    said.textContent = y === null ? "–" : two ? outputs.classes[Number(y[0] > 0.5)] : outputs.classes[best];
  };
}
