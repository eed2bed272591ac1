(() => {
  "use strict"; // where no font has brackets that grow, as on many phones, page.css draws them
  for (const table of document.querySelectorAll("mtable.m")) {
    const [size, bracket] = [table, table.previousSibling].map((e) => e.getBoundingClientRect().height);
    if (table.children.length > 1 && bracket > 0 && bracket < 0.8 * size) return document.documentElement.classList.add("drawn");
  }
})();
