// SPDX-License-Identifier: MIT
// Put at the beginning of a copy of a page, which then looks at itself and tells the page that frames it.
'use strict';
const faults = [];
const fault = text => faults.push(text);
for (const kind of ['error', 'unhandledrejection', 'securitypolicyviolation'])
  addEventListener(kind, event => fault(kind + ': ' + (event.message || event.reason || event.violatedDirective)));

function checkLayout() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) fault('the page is ' + document.documentElement.scrollWidth + ' wide');
  for (const each of document.body.querySelectorAll('*')) {
    const frame = each.parentElement.closest('.scroll, svg, details:not([open])');
    if (frame === null && each.getBoundingClientRect().right > width + 1)
      fault(each.tagName + ' sticks out: ' + each.textContent.slice(0, 40));
  }
}

function checkCharts(expected) {
  const charts = [...document.querySelectorAll('.chart > svg')];
  if (charts.length === 0) fault('there are no charts');
  for (const chart of charts) {
    const title = chart.getAttribute('aria-label').split(';')[0];
    const points = [...chart.querySelectorAll('.point')];
    if (points.length === 0) fault(title + ': has no points');
    for (const point of points)
      if (!/: .*\d/.test(point.querySelector('title').textContent)) fault(title + ': a point says nothing');
    if (title in expected && points.length !== expected[title])
      fault(title + ': has ' + points.length + ' points, expected ' + expected[title]);
    if (chart.querySelectorAll('.tick').length < 3) fault(title + ': has no values at its axes');
    if (!/\d|[a-z]/.test(chart.querySelector('.label').textContent)) fault(title + ': has no label');
    // By keyboard, and under a pointer.
    const output = chart.parentElement.querySelector('output');
    chart.focus();
    if (document.activeElement !== chart) fault(title + ': cannot be reached by keyboard');
    chart.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true, cancelable: true}));
    if (output.textContent !== points[0].querySelector('title').textContent) fault(title + ': arrow keys say nothing');
    const last = points[points.length - 1], box = last.getBoundingClientRect();
    last.dispatchEvent(new PointerEvent('pointermove', {
      bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2}));
    if (output.textContent !== last.querySelector('title').textContent) fault(title + ': a pointer says nothing');
  }
  for (const title in expected)
    if (!charts.some(chart => chart.getAttribute('aria-label').startsWith(title + ';'))) fault(title + ': is missing');
}

function checkTables() {
  for (const table of document.querySelectorAll('table')) {
    const name = table.getAttribute('aria-label'), body = table.tBodies[0];
    const before = [...body.rows].map(row => row.textContent).sort().join('\n');
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const number = head.classList.contains('number');
      for (const order of number ? ['descending', 'ascending'] : ['ascending', 'descending']) {
        head.querySelector('button').click();
        if (head.getAttribute('aria-sort') !== order) fault(name + ': column ' + column + ' is not ' + order);
        if (!number) continue;
        const values = [...body.rows].map(row => Number(row.cells[column].dataset.value));
        const known = values.filter(value => !Number.isNaN(value));
        if (values.slice(0, known.length).some(Number.isNaN)) fault(name + ': what is no number stands before numbers');
        const sorted = [...known].sort((a, b) => a === b ? 0 : a < b === (order === 'ascending') ? -1 : 1);
        if (known.some((value, i) => value !== sorted[i])) fault(name + ': column ' + column + ' is not sorted');
      }
    });
    if ([...body.rows].map(row => row.textContent).sort().join('\n') !== before) fault(name + ': rows were lost');
  }
  if (document.querySelectorAll('table').length < 4) fault('there are too few tables');
}

addEventListener('load', () => {
  try {
    const asked = JSON.parse(window.name);
    checkLayout();
    checkCharts(asked.points);
    checkTables();
    checkLayout();
    const images = [...document.images];
    if (images.length < asked.images) fault(images.length + ' images, expected ' + asked.images);
    if (images.some(image => image.naturalWidth === 0)) fault('an image cannot be shown');
    if (document.querySelector('main script, main style, header script')) fault('a text became markup');
    for (const entry of performance.getEntriesByType('resource'))
      if (!entry.name.startsWith('data:')) fault('asks for ' + entry.name);
  } catch (error) {
    fault('the check itself: ' + error);
  }
  parent.postMessage(innerWidth + ': ' + (faults.length === 0 ? 'fine' : faults.join('; ')), '*');
});
