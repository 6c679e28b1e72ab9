// What is wrong with the drawing of a page, measured where it is drawn; an empty list if nothing is.
() => {
  const wrong = [];
  const svg = document.querySelector("svg.diagram");
  const all = (selector, from = svg) => [...from.querySelectorAll(selector)];
  const box = (element) => {
    const { x, y, width, height } = element.getBBox();
    return { left: x, top: y, right: x + width, bottom: y + height };
  };
  const inside = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const pairs = (list, test) =>
    list.forEach((a, i) => list.slice(i + 1).forEach((b) => test(a, b)));

  const view = svg.viewBox.baseVal;
  const canvas = { left: 0, top: 0, right: view.width, bottom: view.height };
  const frames = all("g.frame").map((g) => ({ name: g.textContent, at: box(g.querySelector("rect")), heading: g.querySelector("text") }));
  const nodes = all("g.node").map((g) => ({ g, name: g.querySelector("title").textContent, at: box(g.querySelector("rect.box")) }));
  const labels = all("text.label").map((text) => ({ name: text.textContent, at: box(text) }));
  if (nodes.length < 8 || frames.length < 3) wrong.push("the drawing is empty");

  for (const { g, name, at } of nodes) {
    const texts = all("text:not(.mark)", g);
    for (const text of all("text", g)) {
      if (!inside(box(text), at)) wrong.push(`"${text.textContent}" leaves the box of ${name}`);
    }
    // Lines of text may touch by a pixel: the boxes of letters have room above and below.
    pairs(texts.map((text) => [text.textContent, box(text)]), ([a, at], [b, other]) => {
      if (Math.min(at.bottom, other.bottom) - Math.max(at.top, other.top) > 3) wrong.push(`"${a}" lies over "${b}"`);
    });
    for (const mark of all("rect.mark", g)) {
      for (const text of texts) if (meet(box(mark), box(text))) wrong.push(`a mark lies over "${text.textContent}"`);
    }
    for (const text of all("text.mark", g)) {
      if (!all("rect.mark", g).some((mark) => inside({ ...box(text), top: 0, bottom: 0 }, { ...box(mark), top: 0, bottom: 0 })))
        wrong.push(`the mark ${text.textContent} leaves its frame`);
    }
    if (!frames.some((frame) => inside(at, frame.at))) wrong.push(`${name} stands in no area`);
    for (const frame of frames) if (meet(at, box(frame.heading))) wrong.push(`${name} lies over a heading`);
  }
  pairs(nodes, (a, b) => meet(a.at, b.at) && wrong.push(`${a.name} lies over ${b.name}`));
  pairs(frames, (a, b) => meet(a.at, b.at) && wrong.push(`${a.name} lies over ${b.name}`));
  for (const frame of frames) {
    if (!inside(frame.at, canvas)) wrong.push(`${frame.name} leaves the drawing`);
    if (!inside(box(frame.heading), frame.at)) wrong.push(`the heading of ${frame.name} leaves its frame`);
  }
  pairs(labels, (a, b) => meet(a.at, b.at) && wrong.push(`the label ${a.name} lies over ${b.name}`));
  for (const label of labels) {
    for (const node of nodes) if (meet(label.at, node.at)) wrong.push(`the label ${label.name} lies over ${node.name}`);
  }
  for (const path of all("g.line path")) {
    const points = path.getAttribute("d").slice(1).split("L").map((point) => point.split(" ").map(Number));
    points.slice(1).forEach(([x, y], index) => {
      const [fromX, fromY] = points[index];
      if (x !== fromX && y !== fromY) wrong.push(`a slanting line ${path.getAttribute("d")}`);
      const part = { left: Math.min(x, fromX), right: Math.max(x, fromX), top: Math.min(y, fromY), bottom: Math.max(y, fromY) };
      for (const node of nodes) {
        const core = { left: node.at.left + 1, right: node.at.right - 1, top: node.at.top + 1, bottom: node.at.bottom - 1 };
        if (part.left < core.right && core.left < part.right && part.top <= core.bottom && core.top <= part.bottom && part.left !== part.right) wrong.push(`a line crosses ${node.name}`);
        if (part.left === part.right && part.left > core.left && part.left < core.right && part.top < core.bottom && core.top < part.bottom) wrong.push(`a line crosses ${node.name}`);
      }
      for (const label of labels) {
        if (part.left === part.right && part.left > label.at.left && part.left < label.at.right && part.top < label.at.bottom && label.at.top < part.bottom)
          wrong.push(`a line crosses the label ${label.name}`);
      }
    });
  }

  // Contrast of every text with what lies behind it (WCAG 2.1, 1.4.3); axe-core doesn't look into drawings.
  const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const fill = (element) => getComputedStyle(element).fill;
  const ground = fill(svg.querySelector("g.frame rect"));
  for (const text of all("text")) {
    const rect = text.closest("g").querySelector("rect");
    const behind = rect && fill(rect) !== "none" ? fill(rect) : ground;
    const [light, dark] = [luminance(fill(text)), luminance(behind)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) wrong.push(`"${text.textContent}" has a contrast of ${contrast.toFixed(2)}`);
  }
  return wrong;
}
