"""Style and script of the fleet's HTML page. The script hides rows and does nothing else; without it all are shown."""

import base64
import hashlib

from inspector.reports.page import STYLE

FLEET_STYLE = (
    STYLE
    + """
body{max-width:110rem}
.bar{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;padding:.7rem;margin:.5rem 0;background:var(--panel);
border:1px solid var(--line);border-radius:.3rem}
.bar[hidden]{display:none}
.bar label{display:flex;flex-direction:column;font-size:.85rem;color:var(--soft)}
.bar input,.bar select,.bar button{font:inherit;padding:.3rem .5rem;min-height:2.2rem;color:var(--text);
background:var(--page);border:1px solid var(--line);border-radius:.3rem;max-width:22rem}
.bar output{font-weight:600;min-height:2.2rem;padding-top:.35rem}
table.plain{border-collapse:collapse;margin:.5rem 0 1rem}
table.plain th,table.plain td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top}
table.plain .n{text-align:right;font-variant-numeric:tabular-nums}
.map{border-collapse:collapse;table-layout:fixed;width:100%;font-size:.85rem}
.map thead th{position:sticky;top:0;background:var(--page);z-index:1;padding:.3rem;text-align:left;
border-bottom:2px solid var(--line);overflow-wrap:anywhere;vertical-align:bottom}
.map th.i{width:32%}
.map thead.v th{font-size:0;line-height:0;padding:0;border:0;position:static}
.part{content-visibility:auto;contain-intrinsic-size:auto 4400px}
.map td,.map tbody th{padding:.2rem .4rem;border-bottom:1px solid var(--line);overflow:hidden;text-overflow:ellipsis}
.map tbody th{text-align:left;font-weight:400}
.map td a{color:inherit;text-decoration:none;display:block;min-height:1.5rem}
.map td a:hover{text-decoration:underline}
.map .m{color:var(--soft)}
.map td.e{opacity:.999;font-style:italic}
td.crash{background:var(--crash);color:var(--on-crash)}
td.wrong{background:var(--wrong);color:var(--on-wrong)}
td.latent{background:var(--latent);color:var(--on-latent)}
td.unknown{background:var(--unknown);color:var(--on-unknown)}
td.safe{background:var(--safe);color:var(--on-safe)}
@media (max-width:60rem){.map{min-width:56rem}}
@media print{.bar{display:none}.map thead th{position:static}}
"""
)

SCRIPT = """(() => {
'use strict';
const $ = id => document.getElementById(id);
const bar = $('bar');
if (!bar) return;
const parts = [...document.querySelectorAll('#map .part')].map(part => ({part, count: 0}));
const rows = parts.flatMap(home => [...home.part.querySelectorAll('tbody tr')].map(row => ({
  row, home, text: (row.dataset.t + ' ' + row.firstElementChild.textContent).toLowerCase(),
  levels: row.dataset.l, cures: ' ' + (row.dataset.r || '') + ' ',
})));
const rank = 'kwlus';
let waiting = 0;
const show = () => {
  const words = $('q').value.toLowerCase().split(/\\s+/).filter(Boolean);
  const least = $('level').value, place = $('place').value, cure = $('cure').value;
  let count = 0;
  for (const home of parts) home.count = 0;
  for (const each of rows) {
    const levels = place === '' ? each.levels : each.levels.charAt(1 + Number(place));
    const fits = words.every(word => each.text.includes(word))
      && (least === '' || [...levels].some(l => least === 'u' ? l === 'u' || l < 'a' : l !== 'u'
        && rank.indexOf(l.toLowerCase()) <= rank.indexOf(least)))
      && (cure === '' || each.cures.includes(' ' + cure + ' '));
    if (each.row.hidden === fits) each.row.hidden = !fits;
    count += fits;
    each.home.count += fits;
  }
  for (const home of parts) {
    home.part.hidden = !home.count;
    home.part.style.containIntrinsicSize = 'auto ' + 44 * home.count + 'px';
  }
  $('count').value = count.toLocaleString('en') + ' of ' + rows.length.toLocaleString('en') + ' images';
};
const later = () => { clearTimeout(waiting); waiting = setTimeout(show, 120); };
for (const id of ['q', 'level', 'place', 'cure']) $(id).addEventListener('input', later);
$('all').addEventListener('click', () => {
  for (const id of ['q', 'level', 'place', 'cure']) $(id).value = '';
  show();
});
bar.hidden = false;
show();
})();
"""

SCRIPT_HASH = "sha256-" + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
"""By which the page's content security policy knows its script (CSP3, "hash-source"): no other one runs."""
