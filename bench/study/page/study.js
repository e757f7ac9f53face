"use strict";
// One question at a time; every answer is kept in this browser at once, and handed over as a file in the end.
(() => {
  const study = window.STUDY;
  const choice = study.kind === "choices", ranks = study.kind === "rankings";
  const main = document.getElementById("main"), message = document.getElementById("message");
  const bar = document.getElementById("progress"), place = document.getElementById("place");
  const large = document.getElementById("large");
  let rater = null, state = null, since = 0;

  // --- what is kept
  const key = (who) => `study-${study.study}-${who}`;
  const stored = (name) => { try { return window.localStorage.getItem(name); } catch { return null; } };
  const keep = (name, value) => { try { window.localStorage.setItem(name, value); return true; } catch { return false; } };
  const save = () => {
    if (!keep(key(rater), JSON.stringify(state))) {
      say("This browser keeps nothing for you: do not close this page before you have saved your answers.");
    }
  };
  const load = (who) => {
    const fresh = { at: 0, values: {}, seconds: {} };
    try { return { ...fresh, ...JSON.parse(stored(key(who)) || "{}") }; } catch { return fresh; }
  };

  // --- small things
  const el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };
  const button = (text, kind, onclick) => el("button", { type: "button", class: `plain ${kind}`, onclick }, text);
  const say = (text) => { message.textContent = text; };
  const letter = (index) => String.fromCharCode(65 + index);
  const own = () => study.plan[rater];
  const entry = () => { const [id, ...tokens] = own()[state.at]; return { id, tokens, about: study.questions[id] }; };

  const picture = (token, alt) => {
    const image = el("img", { src: `pictures/${token}${study.suffix}`, alt, onload: () => {
      if (image.naturalWidth <= 128) image.classList.add("small");
    } });
    return el("button", { type: "button", class: "zoom", "aria-label": `${alt}: enlarge`, onclick: () => enlarge(image) }, image);
  };
  const enlarge = (image) => {
    const shown = large.querySelector("img");
    shown.src = image.src;
    shown.alt = image.alt;
    shown.className = `${image.className} ${image.naturalWidth > image.naturalHeight ? "wide" : ""}`;
    large.showModal();
  };
  large.addEventListener("click", () => large.close());

  // --- answers
  const complete = (index) => {
    const [id, ...tokens] = own()[index], given = Object.values(state.values[id] || {});
    if (choice) return given.length === 1;
    return given.length === tokens.length && (!ranks || new Set(given).size === given.length);
  };
  const lacking = () => own().map((_, index) => index).filter((index) => !complete(index));
  const answer = (token, value) => {
    const { id } = entry();
    const given = choice ? {} : { ...state.values[id] };
    if (ranks) for (const other of Object.keys(given)) if (given[other] === value) delete given[other];
    given[token] = value;
    state.values[id] = given;
    say("");
    save();
    refresh();
  };
  const refresh = () => {
    const given = state.values[entry().id] || {};
    for (const input of main.querySelectorAll("input[type=radio]")) {
      input.checked = given[input.dataset.token] === Number(input.value);
    }
    for (const card of main.querySelectorAll(".lacking")) card.classList.toggle("lacking", !answered(card));
    tell();
  };
  const answered = (card) => card.querySelector("input:checked") !== null;
  const cards = () => [...main.querySelectorAll("fieldset")];
  const tell = () => {
    const done = own().length - lacking().length;
    bar.hidden = false;
    bar.max = own().length;
    bar.value = done;
    place.textContent = state.at < own().length ? `Question ${state.at + 1} of ${own().length}` : "The end";
  };
  const clock = () => {
    if (state && state.at < own().length && since) {
      const { id } = entry();
      state.seconds[id] = Math.round(10 * ((state.seconds[id] || 0) + (Date.now() - since) / 1000)) / 10;
    }
    since = Date.now();
  };

  // --- screens
  const show = (...parts) => {
    main.replaceChildren(...parts);
    window.scrollTo(0, 0);
    const first = main.querySelector("h1, .instruction");
    if (first) { first.tabIndex = -1; first.focus({ preventScroll: true }); }
  };
  const go = (index) => {
    clock();
    state.at = index;
    save();
    say("");
    if (index < own().length) ask(); else end();
    tell();
  };
  const begin = (who) => {
    if (!Object.hasOwn(study.plan, who)) { say("There is no such code; it was sent to you with this study."); return; }
    rater = who;
    keep(`study-${study.study}`, who);
    state = load(who);
    go(Math.min(Math.max(0, Number(state.at) || 0), own().length));
  };

  const start = () => {
    const named = decodeURIComponent(window.location.hash.slice(1)) || stored(`study-${study.study}`) || "";
    const code = el("input", { class: "code", id: "code", autocomplete: "off", spellcheck: "false", value: named });
    const form = el("form", { onsubmit: (event) => { event.preventDefault(); begin(code.value.trim().toLowerCase()); } },
      el("p", {}, el("label", { for: "code" }, "Your code: "), code),
      el("nav", {}, el("button", { class: "plain main" }, stored(key(named)) ? "Go on" : "Start")));
    show(el("h1", {}, study.title), ...study.introduction.map((text) => el("p", {}, text)), form,
      el("p", { class: "note" }, "Your answers stay in this browser until you save them as a file in the end; you may " +
        "close the page and go on later."));
  };

  const ask = () => {
    const { id, tokens, about } = entry();
    const parts = [el("h1", { class: "instruction" }, about.instruction)];
    if (about.text) parts.push(el("p", { class: "text" }, `“${about.text}”`));
    if (about.reference && !about.beside) {
      parts.push(el("div", { class: "reference shown" }, picture(about.reference, "What is to be shown")));
    }
    parts.push(choice ? two(id, tokens) : many(id, tokens, about), steps(), keys(about));
    show(...parts);
    refresh();
  };
  const radio = (id, token, value, text) => el("label", {},
    el("input", { type: "radio", name: `${id}-${choice ? "" : token}`, value, "data-token": token,
      onchange: () => answer(token, value) }), el("span", {}, text));
  const columns = (pictures, most) => Math.ceil(pictures / Math.ceil(pictures / most));
  const many = (id, tokens, about) => el("div", { class: about.beside ? "pictures pairs" : "pictures",
    style: `--columns: ${columns(tokens.length, about.beside ? 3 : 5)}` },
    ...tokens.map((token, index) => {
      const shown = el("div", { class: "shown" });
      if (about.beside) shown.append(picture(about.reference, "The object"));
      shown.append(picture(token, `Picture ${letter(index)}`));
      const scale = el("div", { class: "scale" });
      for (let value = 1; value <= about.highest; value += 1) scale.append(radio(id, token, value, String(value)));
      return el("fieldset", { class: "picture" }, el("legend", {}, `Picture ${letter(index)}`), shown, scale,
        el("p", { class: "ends" }, ...study.ends.map((text) => el("span", {}, text))));
    }));
  const two = (id, tokens) => {
    const shown = tokens.map((token, index) => el("div", { class: "picture" },
      el("span", { class: "letter" }, `Picture ${letter(index)}`), picture(token, `Picture ${letter(index)}`)));
    return el("fieldset", {}, el("div", { class: "pictures two" }, ...shown), el("div", { class: "choices" },
      radio(id, tokens[0], 1, "Picture A"), radio(id, study.neutral, 1, "No preference"), radio(id, tokens[1], 1, "Picture B")));
  };
  const steps = () => el("nav", {},
    ...(state.at ? [button("Back", "", () => go(state.at - 1))] : []),
    button("Next", "main", next), button("Save what I have so far", "", () => download("json")));
  const keys = (about) => el("p", { class: "note keys" }, "Keys: ",
    ...(choice ? [el("kbd", {}, "1"), " picture A, ", el("kbd", {}, "2"), " picture B, ", el("kbd", {}, "0"), " no preference, "]
      : [el("kbd", {}, "1"), " to ", el("kbd", {}, String(about.highest)), ranks ? " rank" : " rate", " the next picture, "]),
    el("kbd", {}, "Enter"), " goes on.");
  const next = () => {
    if (!complete(state.at)) {
      const open = cards().filter((card) => !answered(card));
      for (const card of open) card.classList.add("lacking");
      open[0]?.querySelector("input").focus();
      say(choice ? "Please choose one." : `Please ${ranks ? "rank" : "rate"} every picture first.`);
      return;
    }
    go(state.at + 1);
  };

  const end = () => {
    const left = lacking();
    const json = JSON.stringify(results(), null, 1);
    show(el("h1", {}, left.length ? "Some questions have no answer yet" : "Thank you: all questions are answered"),
      el("p", {}, "Save your answers as a file, and send it to whoever asked you."),
      el("nav", {}, button("Save answers", "main", () => download("json")), button("Save as CSV", "", () => download("csv")),
        button("Back", "", () => go(own().length - 1)),
        ...(left.length ? [button("To the first open question", "", () => go(left[0]))] : [])),
      el("p", { class: "note" }, el("label", { for: "copy" }, "If no file can be saved here, copy this text:")),
      el("textarea", { id: "copy", readonly: true }, json));
  };

  // --- the file to send back: a row per value, the same as JSON and as CSV
  const rows = () => own().flatMap(([question, ...tokens]) =>
    Object.entries(state.values[question] || {}).map(([option, value]) =>
      ({ question, option, value, place: tokens.indexOf(option) + 1, seconds: state.seconds[question] || 0 })));
  const results = () => ({ schema: 1, study: study.study, rater, rows: rows() });
  const csv = () => ["study,rater,question,option,value,place,seconds",
    ...rows().map((row) => [study.study, rater, row.question, row.option, row.value, row.place, row.seconds].join(","))]
    .join("\n") + "\n";
  const download = (kind) => {
    clock();
    const text = kind === "csv" ? csv() : JSON.stringify(results(), null, 1);
    const link = el("a", { download: `answers-${study.study}-${rater}.${kind}`,
      href: URL.createObjectURL(new Blob([text], { type: kind === "csv" ? "text/csv" : "application/json" })) });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // --- keyboard
  const press = (value) => {
    const { tokens, about } = entry();
    if (choice) {
      if (value <= 2) answer(value ? tokens[value - 1] : study.neutral, 1);
      return;
    }
    if (value < 1 || value > about.highest) return;
    const all = cards(), active = document.activeElement.closest("fieldset");
    const card = active && all.includes(active) ? active : all.find((one) => !answered(one)) || all[0];
    answer(tokens[all.indexOf(card)], value);
    const open = all.find((one) => !answered(one));
    (open ? open.querySelector("input") : main.querySelector("button.main")).focus();
  };
  document.addEventListener("keydown", (event) => {
    if (!rater || state.at >= own().length || large.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[0-9]$/.test(event.key)) { event.preventDefault(); press(Number(event.key)); }
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON") { event.preventDefault(); next(); }
  });
  window.addEventListener("pagehide", () => { if (rater) { clock(); save(); } });

  document.title = study.title;
  document.getElementById("title").textContent = study.title;
  start();
})();
