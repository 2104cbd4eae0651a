// Sorts tables, and hands them out as CSV (RFC 4180, UTF-8 with a byte-order mark, as sheets want it).
"use strict";
document.querySelectorAll("table[data-sort]").forEach(function (table) {
  var body = table.tBodies[0], first = Array.from(body.rows);
  var words = document.body.dataset, box = table.closest(".wide") || table;
  function value(row, column) {
    var cell = row.cells[column], raw = cell.dataset.v;
    return raw === undefined || raw === "" ? cell.textContent.trim() : Number(raw);
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    if (typeof a === "number") { return -1; }
    if (typeof b === "number") { return 1; }
    return a.localeCompare(b, document.documentElement.lang, {numeric: true});
  }
  Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.title = words.sort;
    while (head.firstChild) { button.appendChild(head.firstChild); }
    head.appendChild(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", function () {
      var was = head.getAttribute("aria-sort"), isNumber = head.classList.contains("n");
      var next = was === "none" ? (isNumber ? "descending" : "ascending")
        : was === (isNumber ? "descending" : "ascending") ? (isNumber ? "ascending" : "descending") : "none";
      Array.from(table.tHead.rows[0].cells).forEach(function (other) {
        other.setAttribute("aria-sort", "none");
      });
      head.setAttribute("aria-sort", next);
      var rows = first.slice();
      if (next !== "none") {
        rows.sort(function (a, b) { return compare(value(a, column), value(b, column)); });
        if (next === "descending") { rows.reverse(); }
      }
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });
  var save = document.createElement("button");
  save.type = "button";
  save.className = "tool";
  save.textContent = words.save;
  save.setAttribute("aria-label", words.save + ": " + table.caption.textContent);
  box.after(save);
  save.addEventListener("click", function () {
    var all = document.getElementById("csv-" + table.id), rows;
    if (all) {
      rows = JSON.parse(all.textContent);
    } else {
      rows = [table.tHead.rows[0]].concat(Array.from(body.rows), table.tFoot ? Array.from(table.tFoot.rows) : [])
        .map(function (row) {
          return Array.from(row.cells).map(function (cell) {
            return cell.dataset.v === undefined || cell.dataset.v === "" ? cell.textContent.trim()
              : Number(cell.dataset.v);
          });
        });
    }
    var text = rows.map(function (row) {
      return row.map(function (cell) {
        if (typeof cell === "number") { return String(cell); }
        // A sheet takes what begins so for a formula.
        var safe = /^[=+\-@\t\r]/.test(cell) ? "'" + cell : cell;
        return /[",\r\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
      }).join(",");
    }).join("\r\n") + "\r\n";
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], {type: "text/csv;charset=utf-8"}));
    link.download = table.id + ".csv";
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  });
});
