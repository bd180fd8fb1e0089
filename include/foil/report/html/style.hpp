// SPDX-License-Identifier: MIT
/// \file
/// How a page looks, and the little that it does.
#pragma once

#include "foil/report/html/markup.hpp"

namespace foil::report::html {

/// The style sheet: system fonts, light and dark, colours that the colour-blind tell apart (Okabe and Ito,
/// jfly.uni-koeln.de/color; each with a dash of its own beyond six), tables that scroll in their frames.
inline Markup style() {
  return Markup(R"(<style>
:root{color-scheme:light dark;--paper:#fff;--sheet:#f6f6f4;--ink:#1c1c1a;--faint:#5d5d58;--rule:#dddcd6;--strong:#1c1c1a;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b4548e;--c4:#b07b00;--c5:#3a94cf;--warn:#fdf3dc;--warn-edge:#c58a00;--doubt:#855c00;
--pass:#00714f;--fail:#a83a00;--skip:#5d5d58}
@media screen and (prefers-color-scheme:dark){:root{--paper:#161718;--sheet:#1f2022;--ink:#e7e6e1;--faint:#a3a29b;
--rule:#37383a;--strong:#fff;--c0:#56b4e9;--c1:#e8863d;--c2:#2fc29a;--c3:#d994bd;--c4:#e6b522;--c5:#8fb6ff;
--warn:#2e2816;--warn-edge:#e0a92e;--doubt:#e0a92e;--pass:#4fd0a8;--fail:#ff9a62;--skip:#a3a29b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Noto Sans","Liberation Sans",sans-serif;overflow-wrap:anywhere}
main,header,footer,nav{max-width:1200px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:27px;line-height:1.2;font-weight:650;letter-spacing:-.01em;margin:0}
h2{font-size:21px;line-height:1.25;font-weight:650;margin:44px 0 4px;padding-top:14px;border-top:2px solid var(--ink)}
h3{font-size:17px;font-weight:650;margin:34px 0 8px}
h4{font-size:14px;font-weight:600;margin:0 0 6px}
p,ul{margin:6px 0 10px;max-width:80ch}
ul{padding-left:1.15em}
li{margin:2px 0}
a{color:inherit;text-decoration-color:var(--faint);text-underline-offset:3px}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
.what{color:var(--faint);margin:4px 0 0}
nav{padding-top:10px;padding-bottom:2px;font-size:13.5px}
nav a{margin-right:14px;white-space:nowrap}
.verdict-text{font-size:18.5px;line-height:1.45;max-width:66ch;margin:14px 0 10px}
.caveats{color:var(--faint);font-size:14px}
.warnings{background:var(--warn);border-left:4px solid var(--warn-edge);padding:10px 16px 8px;margin:16px 0}
.warnings h3{margin:0 0 4px;font-size:15px}
.warnings ul{max-width:95ch;font-size:14px}
.code{font:600 12.5px ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
.of{color:var(--faint)}
.fine{color:var(--faint);font-size:14px}
.scroll{overflow-x:auto;margin:0 0 18px;border-bottom:1px solid var(--rule)}
.long{max-height:32em;overflow-y:auto}
.long thead th{position:sticky;top:0;background:var(--paper)}
table{border-collapse:collapse;font-size:13.5px;line-height:1.35;font-variant-numeric:tabular-nums lining-nums;min-width:100%}
.caption{color:var(--faint);font-size:13px;margin:12px 0 6px;break-after:avoid}
th,td{padding:5px 11px 5px 0;text-align:left;vertical-align:top;border-top:1px solid var(--rule);overflow-wrap:normal}
td:not(.number){max-width:64ch;overflow-wrap:anywhere}
td:first-child,td:nth-child(2):not(.number){overflow-wrap:normal}
th{border-top:1px solid var(--ink);font-weight:600;white-space:nowrap;padding-top:2px;padding-bottom:2px}
.number+:not(.number){padding-left:14px}
.whole{white-space:nowrap}
.number{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:2px}
th button{font:inherit;color:inherit;background:none;border:0;padding:3px 0;cursor:pointer;border-radius:2px}
th button::after{content:"\2195";opacity:.35;font-size:11px;padding-left:3px}
th[aria-sort=ascending] button::after{content:"\2191";opacity:1}
th[aria-sort=descending] button::after{content:"\2193";opacity:1}
tr.strong td{font-weight:650}
tbody tr:hover td{background:var(--sheet)}
.verdict{font:600 12px ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
.verdict::before{display:inline-block;width:1.3em}
.PASS{color:var(--pass)}.PASS::before{content:"\2713"}
.WARN{color:var(--doubt)}.WARN::before{content:"!"}
.FAIL{color:var(--fail)}.FAIL::before{content:"\2717"}
.SKIP{color:var(--skip)}.SKIP::before{content:"\2013"}
.remedy{margin:2px 0 0;color:var(--faint)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));gap:22px 36px;align-items:start}
figure{margin:0}
.chart figcaption{font-size:13.5px;font-weight:600;margin-bottom:4px}
.chart>svg{display:block;width:100%;height:auto;max-width:640px}
.chart output{display:block;min-height:1.5em;font-size:12.5px;color:var(--faint);font-variant-numeric:tabular-nums}
.legend{list-style:none;padding:0;margin:2px 0 0;font-size:12.5px;display:flex;flex-wrap:wrap;gap:1px 16px}
.legend svg{width:28px;height:10px;margin-right:6px;vertical-align:baseline}
svg text{font-size:11.5px;fill:var(--faint);font-variant-numeric:tabular-nums}
svg .name{fill:var(--ink)}
svg .name,svg .tick{paint-order:stroke;stroke:var(--paper);stroke-width:3px}
.middle{text-anchor:middle}.end{text-anchor:end}
.grid{stroke:var(--rule);fill:none;stroke-width:1}
.axis{stroke:var(--faint);fill:none;stroke-width:1}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.line.strong{stroke-width:4;opacity:.8}
.line.dotted{stroke-dasharray:1 4;stroke-linecap:round}
.d1:not(.dotted){stroke-dasharray:7 3}.d2:not(.dotted){stroke-dasharray:3 2}.d3:not(.dotted){stroke-dasharray:9 3 2 3}
.band{stroke:none;opacity:.13}
.whisker{stroke-width:1.4;fill:none;opacity:.75}
.median{stroke:var(--strong);stroke-width:1.6;fill:none}
.point{fill:transparent;stroke:none}
.point.shown,.point:hover{stroke:var(--strong);stroke-width:1.6}
.line.c0,.whisker.c0{stroke:var(--c0)}.mark.c0,.bar.c0,.band.c0{fill:var(--c0)}
.line.c1,.whisker.c1{stroke:var(--c1)}.mark.c1,.bar.c1,.band.c1{fill:var(--c1)}
.line.c2,.whisker.c2{stroke:var(--c2)}.mark.c2,.band.c2{fill:var(--c2)}
.line.c3,.whisker.c3{stroke:var(--c3)}.mark.c3,.band.c3{fill:var(--c3)}
.line.c4,.whisker.c4{stroke:var(--c4)}.mark.c4,.band.c4{fill:var(--c4)}
.line.c5,.whisker.c5{stroke:var(--c5)}.mark.c5,.band.c5{fill:var(--c5)}
.line.strong,.whisker.strong{stroke:var(--strong)}.mark.strong,.band.strong{fill:var(--strong)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,262px),1fr));gap:20px 30px}
.card{break-inside:avoid;border-top:1px solid var(--rule);padding-top:8px}
.card p{font-size:12.5px;color:var(--faint);margin:2px 0 10px;font-variant-numeric:tabular-nums}
.three{display:grid;grid-template-columns:repeat(3,1fr);gap:6px;max-width:300px}
.three img{width:100%;display:block;image-rendering:pixelated;border:1px solid var(--rule)}
.three figcaption{font-size:11.5px;color:var(--faint)}
pre{background:var(--sheet);padding:10px 14px;font:12.5px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;
white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0 16px}
details{margin:8px 0}summary{cursor:pointer;color:var(--faint)}
footer{color:var(--faint);font-size:13px;padding-top:26px;padding-bottom:40px}
@media(max-width:600px){main,header,footer,nav{padding-left:14px;padding-right:14px}h1{font-size:22px}.verdict-text{font-size:17px}
svg text{font-size:13px}}
@media print{body{font-size:10.5pt}nav,.chart output,th button::after{display:none}main,header,footer{max-width:none;padding:0}
.scroll{overflow:visible;max-height:none}table{font-size:8.5pt}th,td{padding-right:8px;white-space:normal}.chart,.card,tr,.warnings{break-inside:avoid}
h2,h3{break-after:avoid}.charts{grid-template-columns:1fr 1fr}.cards{grid-template-columns:repeat(3,1fr)}}
</style>
)");
}

/// The script: heads of tables sort, charts say what is pointed at or reached by arrow keys. Without it all
/// is there but that.
inline Markup script() {
  return Markup(R"(<script>
'use strict';
for (const button of document.querySelectorAll('th button'))
  button.addEventListener('click', () => {
    const head = button.parentElement, body = head.closest('table').tBodies[0];
    const column = head.cellIndex, number = head.classList.contains('number');
    const first = number ? 'descending' : 'ascending', other = number ? 'ascending' : 'descending';
    const order = head.getAttribute('aria-sort') === first ? other : first;
    for (const each of head.parentElement.cells) each.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', order);
    const sign = order === 'ascending' ? 1 : -1;
    const value = row => {
      const cell = row.cells[column];
      return cell.dataset.value === undefined ? (number ? NaN : cell.textContent) : Number(cell.dataset.value);
    };
    const compare = (a, b) => {
      if (typeof a === 'string') return sign * a.localeCompare(b, 'en', {numeric: true});
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return a === b ? 0 : a < b ? -sign : sign;
    };
    const rows = [...body.rows].map(row => [value(row), row]);
    rows.sort((a, b) => compare(a[0], b[0]));
    body.append(...rows.map(each => each[1]));
  });
for (const chart of document.querySelectorAll('.chart > svg')) {
  const points = [...chart.querySelectorAll('.point')], output = chart.parentElement.querySelector('output');
  if (points.length === 0) continue;
  let at = -1;
  const show = next => {
    if (at >= 0) points[at].classList.remove('shown');
    at = Math.min(Math.max(next, 0), points.length - 1);
    points[at].classList.add('shown');
    output.textContent = points[at].querySelector('title').textContent;
  };
  chart.addEventListener('pointermove', event => {
    const point = event.target.closest('.point');
    if (point) return show(points.indexOf(point));
    const to = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    let best = -1, least = 900;
    points.forEach((each, i) => {
      const box = each.getBBox(), x = box.x + box.width / 2 - to.x, y = box.y + box.height / 2 - to.y;
      if (x * x + y * y < least) [best, least] = [i, x * x + y * y];
    });
    if (best >= 0) show(best);
  });
  chart.addEventListener('keydown', event => {
    const next = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: points.length - 1}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  });
}
</script>
)");
}

}  // namespace foil::report::html
