"use strict";
/* The gallery's page: everything that it shows of a run comes in through text nodes and attributes, never as markup. */
const state = { scene: "", template: "", concepts: "", failure: "", failing: "", metric: "", first: "", second: "", order: "down", masks: true, hidden: new Set() };
const SIZES = { small: 128, medium: 192, large: 256 };
const NEAR = "900px 0px"; // rows this far from the screen have their pictures
let run, rows = [], methods = [], view = null, watcher = null;

const at = (id) => document.getElementById(id);
const noun = (label) => label.replaceAll("-", " ");
const number = (value) => (value === null || value === undefined ? "–" : value.toFixed(3).replace("-", "−"));
const signed = (value) => (value > 0 ? "+" : "") + number(value);
const counted = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

/* What is shown, and in which order. */

const has = (picture, failure) =>
  picture !== null && (failure === "intrusion" ? picture.intrusion === true : picture.concepts.some((one) => one[failure] === true));

const failuresOf = (picture) => run.failures.map((failure) => failure.name).filter((name) => has(picture, name));

const suspects = () => (state.failing === "" ? methods : methods.filter((method) => method === Number(state.failing)));

const fails = (prompt, failure) => suspects().some((method) => has(prompt.pictures[method], failure));

const fits = (prompt) =>
  (state.scene === "" || prompt.scene === Number(state.scene)) &&
  (state.template === "" || prompt.template === state.template) &&
  (state.concepts === "" || prompt.asked.length === Number(state.concepts));

function valueOf(prompt, method) {
  const picture = prompt.pictures[method];
  return picture ? picture.values[Number(state.metric)] : null;
}

/* Of one method, the mean of those shown that have a value, or the difference to another on the same noise; null: none. */
function sortValue(prompt) {
  const values = state.first === "" ? methods.map((method) => valueOf(prompt, method)).filter((one) => one !== null) : [valueOf(prompt, Number(state.first))];
  const first = values.length && values[0] !== null ? values.reduce((sum, one) => sum + one, 0) / values.length : null;
  if (state.second === "" || first === null) return first;
  const second = valueOf(prompt, Number(state.second));
  return second === null ? null : first - second;
}

/* The methods shown: those that rows are sorted or filtered by come first, the others in the run's order. */
function inOrder() {
  const asked = [...(state.metric === "" ? [] : [state.first, state.second]), state.failure === "" ? "" : state.failing];
  const order = new Set([...asked.filter((one) => one !== "").map(Number), ...run.methods.keys()]);
  return [...order].filter((index) => !state.hidden.has(index));
}

function choose() {
  methods = inOrder();
  const fitting = run.prompts.map((prompt, index) => ({ prompt, index, value: null })).filter((row) => fits(row.prompt));
  rows = state.failure === "" ? fitting : fitting.filter((row) => fails(row.prompt, state.failure));
  if (state.metric !== "") {
    rows.forEach((row) => (row.value = sortValue(row.prompt)));
    const sign = state.order === "down" ? -1 : 1;
    rows.sort((one, other) => (one.value === null) - (other.value === null) || sign * (one.value - other.value) || one.index - other.index);
  }
  return fitting;
}

/* A row: a heading, the scene's picture, and one picture per method. Its pictures are made when it comes near the screen. */

function show() {
  const fitting = choose();
  if (watcher) watcher.disconnect();
  watcher = new IntersectionObserver((entries) => entries.forEach(cross), { rootMargin: NEAR });
  const all = document.createDocumentFragment();
  let scene = null;
  rows.forEach((row, place) => {
    if (state.metric === "" && row.prompt.scene !== scene) all.append(make("h2", {}, run.scenes[(scene = row.prompt.scene)].name));
    all.append((row.node = heading(row, place)));
    watcher.observe(row.node);
  });
  if (state.metric !== "" && rows.length) all.prepend(make("h2", {}, sortedBy()));
  at("prompts").replaceChildren(all);
  tell(fitting);
}

function sortedBy() {
  const of = state.first === "" ? "mean of the methods shown" : run.methods[Number(state.first)];
  return `${noun(run.metrics[Number(state.metric)].label)}, ${of}${state.second === "" ? "" : ` − ${run.methods[Number(state.second)]}`}`;
}

function heading(row, place) {
  const prompt = row.prompt;
  const value = state.metric === "" ? "" : ` · ${state.second === "" ? number(row.value) : row.value === null ? "–" : signed(row.value)}`;
  const about = `${run.scenes[prompt.scene].name} · drawn from: ${prompt.text_with_handles} · sample ${prompt.sample + 1}${value}`;
  const strip = make("div", { className: "strip", role: "group", "aria-label": prompt.text });
  strip.style.minHeight = `${side() + 24 * (3 + prompt.asked.length)}px`;
  const node = make("article", { className: "prompt" }, make("h3", {}, prompt.text), make("p", { className: "soft" }, about), strip);
  node.dataset.place = place;
  return node;
}

function cross(entry) {
  const row = rows[Number(entry.target.dataset.place)];
  if (row === undefined || row.node !== entry.target) return;
  if (entry.isIntersecting) fill(row);
  else empty(row, entry.boundingClientRect.height);
}

function fill(row) {
  const strip = row.node.lastChild;
  if (strip.childElementCount) return;
  strip.append(inputCell(row), ...methods.map((method, column) => cell(row, method, column + 1)));
  strip.style.minHeight = row.node.style.minHeight = "";
  const hit = strip.querySelector(".hit");
  if (hit && hit.offsetLeft + hit.offsetWidth > strip.offsetLeft + strip.clientWidth) {
    strip.scrollLeft = hit.offsetLeft - strip.firstChild.offsetWidth - strip.offsetLeft - 24;
  }
}

/* A row that is far away keeps its height, which its entry tells: to ask for it would lay out the page again. */
function empty(row, height) {
  const strip = row.node.lastChild;
  if (!strip.childElementCount || strip.contains(document.activeElement)) return;
  row.node.style.minHeight = `${height}px`;
  strip.replaceChildren();
}

const side = () => SIZES[at("size").value] || SIZES.small;

function opener(row, column, content) {
  const button = make("button", { type: "button", className: "enlarge", tabIndex: column ? -1 : 0 }, content);
  button.dataset.column = column;
  button.addEventListener("click", () => open(row, column));
  button.addEventListener("keydown", (event) => walk(event, row, column));
  return button;
}

function image(source, alt) {
  return make("img", { loading: "lazy", decoding: "async", src: source, alt });
}

const names = (scene) => scene.concepts.map((one) => `${one.handle} ${one.label}`).join(", ");

function inputAlt(scene) {
  return `Scene ${scene.name}: the picture to learn from${state.masks ? `, its concepts outlined: ${names(scene)}` : ""}`;
}

function swatch(concept, other = false) {
  const dot = make("span", { className: "dot" });
  dot.style.background = concept.colour;
  return make("span", { className: other ? "swatch other" : "swatch" }, dot, `${concept.handle} ${concept.label}`);
}

function inputCell(row) {
  const scene = run.scenes[row.prompt.scene];
  const concepts = scene.concepts.map((one, index) => swatch(one, !row.prompt.asked.includes(index)));
  const picture = image(state.masks ? scene.outlined : scene.plain, inputAlt(scene));
  const figure = make("figure", { className: "input" }, opener(row, 0, picture), make("figcaption", {}, make("span", { className: "name" }, "input"), ...concepts));
  figure.style.setProperty("--wide", scene.wide);
  return figure;
}

function cell(row, method, column) {
  const picture = row.prompt.pictures[method], name = run.methods[method];
  const failures = failuresOf(picture);
  const hit = state.failure !== "" && failures.includes(state.failure) && suspects().includes(method);
  const caption = make("figcaption", {}, make("span", { className: "name", title: name }, name), ...(picture ? lines(row.prompt, picture) : []));
  if (failures.length) caption.append(make("span", { className: "bad" }, failures.join(", ")));
  return make("figure", { className: hit ? "hit" : "" }, opener(row, column, seen(row.prompt, method)), caption);
}

function seen(prompt, method) {
  const picture = prompt.pictures[method], name = run.methods[method];
  if (picture && picture.thumbnail) return image(picture.thumbnail, `${prompt.text}, drawn by ${name}`);
  const why = picture ? "the picture is missing or damaged" : "not drawn";
  return make("span", { className: "missing" }, make("span", {}, `no picture by ${name}: ${why}`));
}

/* The scores under a picture: those of the main metrics and the one that is sorted by. */
function lines(prompt, picture) {
  const found = [];
  const concepts = run.scenes[prompt.scene].concepts;
  const shown = run.metrics.map((metric, index) => ({ ...metric, index })).filter((one) => one.main || String(one.index) === state.metric);
  const several = shown.filter((one) => one.of_concepts).length > 1;
  for (const metric of shown) {
    const whole = { value: picture.values[metric.index], why: picture.reasons[metric.index] };
    if (!metric.of_concepts) found.push(line(noun(metric.label).replace(" similarity", ""), whole));
    else for (const one of picture.concepts) {
      const score = { value: one.values[metric.index], why: one.reasons[metric.index] };
      const label = swatch(concepts[one.concept]);
      if (several) label.append(` ${noun(metric.label)}`);
      found.push(line(label, score));
    }
  }
  return found;
}

function line(label, score) {
  const title = score.value === null ? score.why || "no value" : typeof label === "string" ? label : label.textContent;
  return make("span", { className: "line", title }, make("span", {}, label), make("span", {}, number(score.value)));
}

/* Keys within the rows. */

function walk(event, row, column) {
  const place = rows.indexOf(row);
  const to = { ArrowLeft: [place, column - 1], ArrowRight: [place, column + 1], ArrowUp: [place - 1, column], ArrowDown: [place + 1, column], Home: [place, 0], End: [place, methods.length] }[event.key];
  if (!to || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  focusOn(...to);
}

function focusOn(place, column) {
  const row = rows[place];
  if (row === undefined || column < 0 || column > methods.length) return;
  fill(row);
  const strip = row.node.lastChild;
  strip.querySelectorAll("button").forEach((button) => (button.tabIndex = Number(button.dataset.column) === column ? 0 : -1));
  const button = strip.querySelector(`button[data-column="${column}"]`);
  button.focus({ preventScroll: true });
  row.node.scrollIntoView({ block: "nearest" });
  const cell = button.parentElement, covered = column ? strip.firstChild.offsetWidth + 24 : 0;
  const left = cell.offsetLeft - strip.offsetLeft;
  if (left - strip.scrollLeft < covered) strip.scrollLeft = left - covered;
  else if (left + cell.offsetWidth > strip.scrollLeft + strip.clientWidth) strip.scrollLeft = left + cell.offsetWidth - strip.clientWidth + 12;
}

/* The enlarged picture. */

function open(row, column) {
  view = { place: rows.indexOf(row), column };
  draw();
  if (!at("viewer").open) at("viewer").showModal();
  at("viewer-title").focus();
}

function step(places, columns) {
  const place = view.place + places, column = view.column + columns;
  if (place < 0 || place >= rows.length || column < 0 || column > methods.length) return;
  view = { place, column };
  draw();
}

function draw() {
  const { prompt } = rows[view.place], scene = run.scenes[prompt.scene];
  const method = view.column ? methods[view.column - 1] : null;
  at("viewer-title").textContent = method === null ? `Scene ${scene.name}` : run.methods[method];
  at("viewer-picture").replaceChildren(method === null ? outlined(scene) : seen(prompt, method));
  at("viewer-facts").replaceChildren(make("h3", {}, prompt.text), make("p", { className: "soft" }, `${scene.name} · drawn from: ${prompt.text_with_handles} · sample ${prompt.sample + 1} · template: ${prompt.template}`), ...facts(prompt, scene, method));
  at("viewer-place").textContent = `${view.column ? `method ${view.column} of ${methods.length}` : "input"}, prompt ${view.place + 1} of ${rows.length}`;
  at("left").disabled = view.column === 0;
  at("right").disabled = view.column === methods.length;
  at("up").disabled = view.place === 0;
  at("down").disabled = view.place === rows.length - 1;
}

function outlined(scene) {
  const box = make("div", { className: "outlined" }, image(state.masks ? scene.outlined : scene.plain, inputAlt(scene)));
  box.style.setProperty("--wide", scene.wide);
  if (state.masks) for (const one of scene.concepts) {
    const tag = make("span", { className: "tag", "aria-hidden": "true" }, `${one.handle} ${one.label}`);
    const [left, top] = [100 * one.left, 100 * one.top];
    Object.assign(tag.style, { background: one.colour, left: `${left}%`, top: `${top}%`, transform: `translate(-${left}%, -${top}%)` });
    box.append(tag);
  }
  return box;
}

function facts(prompt, scene, method) {
  if (method === null) return [make("p", {}, "The picture to learn from. Concepts:"), make("ul", {}, ...scene.concepts.map((one) => make("li", {}, swatch(one))))];
  const picture = prompt.pictures[method];
  if (!picture) return [];
  const found = [scoreTable(scene, picture), ...failureTexts(scene, picture).map((text) => make("p", {}, text))];
  found.push(outlined(scene));
  if (picture.reduced) found.push(make("p", {}, make("a", { href: `${run.originals}/${picture.file.split("/").map(encodeURIComponent).join("/")}` }, "the picture in full size (in the run's folder)")));
  return found;
}

function scoreTable(scene, picture) {
  const head = make("tr", {}, make("th", { scope: "col" }, "metric"), make("th", { scope: "col" }, "picture"), ...picture.concepts.map((one) => make("th", { scope: "col" }, swatch(scene.concepts[one.concept]))));
  const body = run.metrics.map((metric, index) => {
    const cells = picture.concepts.map((one) => (metric.of_concepts ? scoreCell(one.values[index], one.reasons[index]) : make("td")));
    return make("tr", {}, make("th", { scope: "row", title: metric.description }, `${noun(metric.label)} ${metric.higher_is_better ? "↑" : "↓"}`), scoreCell(picture.values[index], picture.reasons[index]), ...cells);
  });
  return make("div", { className: "scores", tabIndex: 0, role: "group", "aria-label": "Scores" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

const scoreCell = (value, why) => make("td", {}, number(value), value === null && why ? make("small", {}, why) : "");

function failureTexts(scene, picture) {
  const name = (index) => (scene.concepts[index] ? `${scene.concepts[index].handle} ${scene.concepts[index].label}` : String(index));
  const told = picture.concepts.flatMap((one) => [
    one.omission === true ? `Omission: ${name(one.concept)} is not found.` : "",
    one.swap === true ? `Swap: what was found for ${name(one.concept)} is more like another concept of the scene.` : "",
    one.duplication === true ? `Duplication: ${name(one.concept)} is there ${one.instances ?? "several"} times.` : "",
  ]);
  if (picture.intrusion === true) told.push(`Intrusion: not asked for, but there: ${picture.intruders.map(name).join(", ") || "another concept of the scene"}.`);
  return told.filter((text) => text !== "");
}

function closed() {
  const { place, column } = view;
  view = null;
  if (rows[place]) focusOn(place, column);
}

/* The controls. */

function tell(fitting) {
  const pictures = (failure) => fitting.reduce((sum, { prompt }) => sum + suspects().filter((method) => has(prompt.pictures[method], failure)).length, 0);
  at("failures").querySelectorAll("button").forEach((button) => {
    button.textContent = `${button.value} ${pictures(button.value).toLocaleString("en")}`;
    button.setAttribute("aria-pressed", String(state.failure === button.value));
  });
  const some = methods.length ? "" : "; no method is chosen";
  at("status").textContent = `${rows.length.toLocaleString("en")} of ${counted(run.prompts.length, "prompt")}${some}`;
  at("reset").hidden = rows.length === run.prompts.length && state.metric === "" && state.hidden.size === 0;
  at("which-summary").textContent = `Methods (${methods.length} of ${run.methods.length})`;
  for (const id of ["first", "second", "order"]) at(id).disabled = state.metric === "";
}

function options(id, choices) {
  at(id).replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
  at(id).addEventListener("change", () => {
    if (id in state) state[id] = at(id).value;
    show();
  });
}

function buildControls() {
  const every = run.methods.map((name, index) => [String(index), name]);
  const unique = (values) => [...new Set(values)];
  options("scene", [["", "all scenes"], ...run.scenes.map((scene, index) => [String(index), scene.name])]);
  options("template", [["", "all templates"], ...unique(run.prompts.map((prompt) => prompt.template)).map((one) => [one, one])]);
  options("concepts", [["", "any number"], ...unique(run.prompts.map((prompt) => prompt.asked.length)).sort((a, b) => a - b).map((n) => [String(n), counted(n, "concept")])]);
  options("failing", [["", "any method shown"], ...every]);
  options("metric", [["", "the dataset's order"], ...run.metrics.map((metric, index) => [String(index), noun(metric.label)])]);
  options("first", [["", "mean of those shown"], ...every]);
  options("second", [["", "nothing"], ...every]);
  options("order", [["down", "highest first"], ["up", "lowest first"]]);
  options("size", Object.entries(SIZES).map(([name, pixels]) => [name, `${name} (${pixels} pixels)`]));
  at("size").value = run.methods.length > 4 || innerWidth < 640 ? "small" : "medium";
  at("size").addEventListener("change", resize);
  resize();
  at("masks").addEventListener("change", () => ((state.masks = at("masks").checked), show()));
  buildMethods();
  buildFailures();
  at("reset").addEventListener("click", reset);
  at("more").open = innerWidth >= 760;
}

const resize = () => document.documentElement.style.setProperty("--side", `${side()}px`);

function buildMethods() {
  at("methods").replaceChildren(...run.methods.map((name, index) => {
    const box = make("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => hide(box.checked ? [] : [index], box.checked ? [index] : []));
    return make("label", {}, box, name);
  }));
  const every = run.methods.map((_, index) => index);
  at("all").addEventListener("click", () => hide([], every));
  at("none").addEventListener("click", () => hide(every, []));
}

function hide(these, notThese) {
  these.forEach((index) => state.hidden.add(index));
  notThese.forEach((index) => state.hidden.delete(index));
  at("methods").querySelectorAll("input").forEach((box, index) => (box.checked = !state.hidden.has(index)));
  show();
}

function buildFailures() {
  if (!run.failures.length) return;
  at("failures").append(make("span", {}, "Pictures with a failure:"));
  for (const { name, description } of run.failures) {
    const button = make("button", { type: "button", value: name, title: description });
    button.addEventListener("click", () => ((state.failure = state.failure === name ? "" : name), show()));
    at("failures").append(button);
  }
}

function reset() {
  for (const id of ["scene", "template", "concepts", "failing", "metric", "first", "second"]) at(id).value = state[id] = "";
  at("order").value = state.order = "down";
  state.failure = "";
  hide([], run.methods.map((_, index) => index));
  at("status").parentElement.previousElementSibling.querySelector("summary").focus();
}

function start() {
  if (!window.GALLERY) {
    at("status").textContent = "data.js is missing: keep this page in its folder.";
    return;
  }
  run = window.GALLERY;
  buildControls();
  at("close").addEventListener("click", () => at("viewer").close());
  at("viewer").addEventListener("close", closed);
  const steps = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] };
  for (const [id, by] of Object.entries(steps)) at(id).addEventListener("click", () => step(...by));
  at("viewer").addEventListener("keydown", (event) => {
    const by = event.key.startsWith("Arrow") && !event.altKey && steps[event.key.slice(5).toLowerCase()];
    if (by) event.preventDefault(), step(...by);
  });
  show();
}

document.addEventListener("DOMContentLoaded", start);
