(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("steps").textContent);
  const slider = document.getElementById("step"), button = document.getElementById("play");
  const told = document.getElementById("told"), plane = document.getElementById("plane");
  const dot = document.getElementById("dot");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const kind = (text) => (text.startsWith("−") ? "neg" : text === "0" ? "nil" : "pos");
  const mark = (element, text) => {
    element.classList.remove("neg", "nil", "pos");
    element.classList.add(kind(text));
  };
  function show(t) {
    const texts = data.texts[t];
    for (const element of document.querySelectorAll("[data-k]")) {
      element.textContent = texts[element.dataset.k];
      mark(element, element.textContent);
    }
    for (const edge of document.querySelectorAll("[data-w]")) {
      const text = texts[edge.dataset.w], size = Math.abs(Number(text.replaceAll("−", "-")));
      mark(edge, text);
      edge.setAttribute("stroke-width", 1 + 6 * Math.min(1, size / edge.dataset.most));
    }
    for (const turn of document.querySelectorAll("[data-turn]")) turn.textContent = data.turns[t][turn.dataset.turn];
    if (plane) plane.src = data.planes[t];
    if (dot) dot.setAttribute("transform", `translate(${data.curve[t]})`);
    slider.value = t + 1;
    slider.setAttribute("aria-valuetext", `step ${t + 1} of ${data.texts.length}`);
    told.textContent = data.told[t];
  }
  let timer = 0;
  function stop() {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  }
  slider.addEventListener("input", () => { stop(); show(slider.value - 1); });
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === data.texts.length) show(0);
    button.textContent = "Pause";
    timer = setInterval(() => {
      show(Number(slider.value));
      if (Number(slider.value) === data.texts.length) stop();
    }, still ? 1200 : 450);
  });
  slider.hidden = button.hidden = false;
  show(0);
})();
