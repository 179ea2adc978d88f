"use strict";
// Click a column's head to sort by it: numbers by data-v, text by itself, what has no number last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const compare = (a, b) =>
    typeof a === "string" ? a.localeCompare(b)
      : Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : a - b;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((r, s) => {
        const a = key(r, column);
        const b = key(s, column);
        const unknown = Number.isNaN(a) || Number.isNaN(b);
        return down && !unknown ? compare(b, a) : compare(a, b);
      });
      body.append(...rows);
    });
  });
}
// Of several views of the same thing one is shown, chosen by a button; without this script all are.
for (const views of document.querySelectorAll(".views")) {
  const all = [...views.querySelectorAll(".view")];
  const chooser = document.createElement("div");
  chooser.className = "chooser";
  const show = (chosen) => {
    all.forEach((view) => { view.hidden = view !== chosen; });
    [...chooser.children].forEach((button, i) =>
      button.setAttribute("aria-pressed", String(all[i] === chosen)));
  };
  for (const view of all) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = view.dataset.name;
    button.addEventListener("click", () => show(view));
    chooser.append(button);
  }
  views.prepend(chooser);
  show(all[0]);
}
