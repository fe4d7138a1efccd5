// dom: elements in one call, and their replacement.  No template, no framework: h("td", {class: "num"}, "0.91").

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, kids) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else if (key === "checked") element.checked = true;
    else element.setAttribute(key, value === true ? "" : value);
  }
  add(element, kids);
  return element;
}

export function add(element, kids) {
  for (const kid of [kids].flat(Infinity))
    if (kid !== undefined && kid !== null && kid !== false) element.append(kid);
  return element;
}

export const h = (tag, props, ...kids) => fill(document.createElement(tag), props, kids);
export const s = (tag, props, ...kids) => fill(document.createElementNS(SVG, tag), props, kids);

export function put(element, ...kids) {
  element.replaceChildren();
  return add(element, kids);
}

// A select that says what it holds: options are [value, text] or text.
export function select(label, value, options, onchange) {
  const box = h("select", { onchange: () => onchange(box.value) });
  for (const option of options) {
    const [at, text] = Array.isArray(option) ? option : [option, option];
    box.append(h("option", { value: at }, text));
  }
  box.value = value;
  return h("label", { class: "field" }, h("span", {}, label), box);
}

export function field(label, props) {
  return h("label", { class: "field" }, h("span", {}, label), h("input", props));
}

// What a table needs: heads are [text, class]; rows are lists of cells, or {cells, ...props of the row}.
export function table(caption, heads, rows, props) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", props,
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, heads.map(([text, cls]) => h("th", { scope: "col", class: cls }, text)))),
      h("tbody", {}, rows.map((row) => {
        const { cells, ...more } = Array.isArray(row) ? { cells: row } : row;
        return h("tr", more, cells.map((cell, i) => h("td", { class: heads[i]?.[1] }, cell)));
      }))));
}

export const panel = (title, note, ...kids) =>
  h("section", { class: "panel" }, h("header", {}, h("h2", {}, title), note && h("p", { class: "quiet" }, note)), kids);

export const empty = (title, ...kids) => h("div", { class: "empty" }, h("h2", {}, title), kids);
