'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const byId = id => document.getElementById(id);
  const tip = byId('tip');
  const svgNs = 'http://www.w3.org/2000/svg';
  const make = (parent, name, attributes, title) => {
    const element = document.createElementNS(svgNs, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (title) element.dataset.tip = title;
    parent.appendChild(element);
    return element;
  };

  document.addEventListener('mousemove', event => {
    const text = event.target.closest && event.target.closest('[data-tip]');
    if (!text) { tip.style.opacity = 0; return; }
    tip.textContent = text.dataset.tip;
    tip.style.opacity = 1;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
    tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + 'px';
  });

  const hue = (stage, count) => `hsl(${Math.round(360 * ((stage * 0.61803) % 1))} 55% 52%)`;
  const heat = share => `hsl(${Math.round(215 - 195 * Math.min(1, share))} 70% ${Math.round(62 - 14 * Math.min(1, share))}%)`;

  const draw = () => {
    const chosen = data.sections[+byId('section').value];
    const layout = data.layouts[chosen.layout];
    const byLoad = byId('colour').value === 'load';
    const holder = byId('floor');
    holder.textContent = '';
    if (!layout) { holder.textContent = 'This layout is not drawn: the report draws those that take the most time.'; return; }
    const cell = 20, half = 7, edge = 24;
    const width = layout.columns * cell + 2 * edge, height = layout.rows * cell + 2 * edge;
    const svg = make(holder, 'svg', { viewBox: `0 0 ${width} ${height}`, width, role: 'img', 'aria-label': 'floor plan' });
    const x = column => edge + (column + 0.5) * cell, y = row => edge + (row + 0.5) * cell;
    for (let row = 0; row < layout.rows; row += layout.tileRows)
      for (let column = 0; column < layout.columns; column += layout.tileColumns)
        make(svg, 'rect', { x: edge + column * cell + 1, y: edge + row * cell + 1, width: layout.tileColumns * cell - 2, height: layout.tileRows * cell - 2, rx: 6, fill: 'none', class: 'grid' });
    const most = Math.max(1, ...layout.links.map(link => link[1]));
    const steps = [[1, 0], [-1, 0], [0, 1], [0, -1]];
    for (const [link, bytes, routes] of layout.links) {
      const at = link >> 2, row = Math.floor(at / layout.columns), column = at % layout.columns, [dx, dy] = steps[link & 3];
      const shift = 2 * (dx + dy), share = bytes / most;
      make(svg, 'line', { x1: x(column) + dy * shift / 2, y1: y(row) + dx * shift / 2, x2: x(column + dx) + dy * shift / 2, y2: y(row + dy) + dx * shift / 2,
        class: 'link', 'stroke-width': (0.6 + 3.4 * share).toFixed(2), opacity: (0.25 + 0.75 * share).toFixed(2) },
        `link of switch (${row},${column})\n${bytes.toLocaleString('en')} bytes an iteration, ${routes} routes`);
    }
    const used = new Set();
    for (const [kind, role, owner, stage, row, column] of layout.units) if (kind < 2) used.add(row * layout.columns + column);
    for (let row = 0; row < layout.rows; row++)
      for (let column = 0; column < layout.columns; column++)
        if (!used.has(row * layout.columns + column))
          (row + column) % 2 === 0
            ? make(svg, 'rect', { x: x(column) - half + 1, y: y(row) - half + 1, width: 2 * half - 2, height: 2 * half - 2, rx: 2, class: 'idle' })
            : make(svg, 'circle', { cx: x(column), cy: y(row), r: half - 1, class: 'idle' });
    const kinds = ['PCU', 'PMU', 'AGCU'];
    for (const [kind, role, owner, stage, row, column] of layout.units) {
      const share = chosen.load[stage] || 0;
      const fill = byLoad ? heat(share) : hue(stage);
      const name = data.names[chosen.stages[stage]] || '';
      const title = `${kinds[kind]} (${row},${column}): ${role}\nstage ${stage}: ${name}\nbusy ${(100 * share).toFixed(0)}% of the section`;
      if (kind === 0) make(svg, 'rect', { x: x(column) - half, y: y(row) - half, width: 2 * half, height: 2 * half, rx: 2, fill }, title);
      else if (kind === 1) make(svg, 'circle', { cx: x(column), cy: y(row), r: half, fill }, title);
      else make(svg, 'path', { d: `M${column === 0 ? 4 : width - 4} ${y(row) - 6} l${column === 0 ? 12 : -12} 6 l${column === 0 ? -12 : 12} 6z`, fill }, title);
    }
    const legend = byId('stages');
    legend.textContent = '';
    chosen.stages.forEach((name, stage) => {
      const item = document.createElement('span'), mark = document.createElement('i');
      mark.style.background = byLoad ? heat(chosen.load[stage] || 0) : hue(stage);
      item.append(mark, `${stage} ${data.names[name].length > 46 ? data.names[name].slice(0, 45) + '…' : data.names[name]} (${(100 * (chosen.load[stage] || 0)).toFixed(0)}%)`);
      legend.append(item);
    });
  };
  byId('section').addEventListener('change', draw);
  byId('colour').addEventListener('change', draw);
  document.querySelectorAll('[data-section]').forEach(slice => slice.addEventListener('click', () => { byId('section').value = slice.dataset.section; draw(); byId('floor').scrollIntoView({ block: 'nearest' }); }));
  draw();

  document.querySelectorAll('table').forEach(table => table.querySelectorAll('th').forEach((head, column) => head.addEventListener('click', () => {
    const down = !head.classList.contains('down');
    table.querySelectorAll('th').forEach(other => other.classList.remove('up', 'down'));
    head.classList.add(down ? 'down' : 'up');
    const body = table.tBodies[0], sign = down ? -1 : 1;
    const value = row => { const text = row.cells[column].textContent, number = parseFloat(text.replace(/[ ,%]/g, '')); return head.classList.contains('text') || isNaN(number) ? text : number; };
    [...body.rows].map((row, index) => [row, value(row), index]).sort((a, b) => (a[1] < b[1] ? -sign : a[1] > b[1] ? sign : a[2] - b[2])).forEach(entry => body.append(entry[0]));
  })));
})();
