(() => {
  "use strict"; // equations a little wider than a phone become smaller; what still scrolls can be reached by keyboard
  const scrolls = document.querySelectorAll(".equation,figure"), narrow = matchMedia("(max-width:560px)");
  function fit() {
    for (const each of scrolls) {
      const math = each.querySelector(":scope>math");
      if (math) math.style.fontSize = "";
      const share = each.clientWidth / each.scrollWidth;
      if (math && narrow.matches && share < 1) math.style.fontSize = `${(0.94 * Math.max(0.72, 0.99 * share)).toFixed(3)}rem`;
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
    }
  }
  addEventListener("resize", fit);
  fit();
})();
