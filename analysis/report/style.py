"""How reports look, light and dark, and how their tables are sorted; all of it inside the page."""

STYLE = """
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1f2430;--soft:#6b7280;
--line:#e3e6ea}
@media (prefers-color-scheme:dark){:root{--page:#14171c;--card:#1c2027;--ink:#e6e8ec;
--soft:#9aa2b1;--line:#30353f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 8px}h2{font-size:1.25rem;margin:44px 0 6px}
h3{font-size:1rem;margin:0}p{margin:4px 0 12px;max-width:75ch}.soft{color:var(--soft)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:7px 16px 7px 0;text-align:right;white-space:nowrap;
border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}thead th{color:var(--soft);font-weight:500}
th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid}
th[aria-sort=ascending] button::after{content:" ↑"}
th[aria-sort=descending] button::after{content:" ↓"}a{color:inherit}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(330px,100%),1fr));gap:16px}
.charts svg,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.charts svg{width:100%;height:auto;padding:8px;background:#fff}
.wide{grid-template-columns:minmax(0,760px)}
.card{padding:16px;margin:14px 0}.tiles{display:grid;gap:14px;margin-top:10px;
grid-template-columns:repeat(auto-fit,minmax(min(190px,100%),1fr))}
figure{margin:0}figcaption{font-size:.86rem;margin-bottom:4px}
figure img{width:100%;height:120px;display:block;border-radius:6px;image-rendering:auto}
.picture img{height:auto;background:#fff}audio{width:100%;height:34px;margin-top:6px}
"""

SCRIPT = """
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement, column = heading.cellIndex;
    const body = heading.closest("table").tBodies[0];
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const text = (row) => row.cells[column].textContent.trim();
    const missing = (value) => ["", "–", "-"].includes(value);
    const known = [...body.rows].filter((row) => !missing(text(row)));
    const numeric = known.every((row) => /^[+−-]?[\\d.,]+/.test(text(row)));
    const number = (row) => parseFloat(text(row).replace("−", "-").replaceAll(",", ""));
    known.sort((one, other) => numeric
      ? number(one) - number(other)
      : text(one).localeCompare(text(other), undefined, {numeric: true}));
    const unknown = [...body.rows].filter((row) => missing(text(row)));
    body.append(...(up ? known : known.reverse()), ...unknown);
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  });
}
"""
"""A click on a heading sorts the rows by that column, as numbers where all are; missing values stay
last."""
