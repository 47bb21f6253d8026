"use strict";
// The table of pairs. Foreign text reaches the page through text nodes alone.
const told = JSON.parse(document.getElementById("told").textContent);
const pairs = JSON.parse(document.getElementById("data").textContent);
const table = document.getElementById("pairs");
const body = table.tBodies[0];
const query = document.getElementById("query");
const choice = document.getElementById("reason");
const found = document.getElementById("found");
const more = document.getElementById("more");

const PAGE = 50;
const NAMES = { reason: "Reason", margin: "Margin", agreement: "Agreement", p_correct: "P(correct)", gap: "Longer by" };
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;
const WORST = "kept";
const narrow = matchMedia("(max-width: 48rem)"); // where the style sheet leaves three columns
const state = { key: null, down: false, shown: PAGE, open: null, listed: [] };

function make(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  for (const child of children) {
    if (child instanceof Node) node.append(child);
    else if (child != null) put(node, String(child));
  }
  return node;
}

// Append text as it is, but for characters nobody could see: those are named.
function put(node, text) {
  let from = 0;
  for (const hit of text.matchAll(UNSEEN)) {
    const code = hit[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    const name = document.createElement("span");
    name.className = "unseen";
    name.textContent = `U+${code}`;
    node.append(text.slice(from, hit.index), name);
    from = hit.index + hit[0].length;
  }
  node.append(text.slice(from));
}

const whole = (cut) => cut.text ?? cut.parts.join("");
const number = (value, digits) => value == null ? "–" : value.toFixed(digits).replace("-", "−");
const share = (value) => value == null ? "–" : `${(100 * value).toFixed(1)}%`;
const count = (value) => value.toLocaleString("en-US");
const reasonName = (reason) => reason === WORST ? "kept, least sure" : reason;

for (const [place, pair] of pairs.entries()) {
  pair.place = place; // a pair may stand there for more than one reason
  if (pair.chosen_tokens != null && pair.rejected_tokens != null) pair.gap = pair.chosen_tokens - pair.rejected_tokens;
  const said = (pair.judgements ?? []).map((each) => each.rater);
  const texts = [pair.prompt, pair.chosen, pair.rejected].map(whole);
  pair.haystack = [...texts, pair.pair_id, pair.prompt_id, pair.reason, ...(pair.failed ?? []), ...said,
    pair.source, pair.chosen_generator, pair.rejected_generator].filter(Boolean).join("\n").toLowerCase();
}

function fillReasons() {
  const held = new Map();
  for (const pair of pairs) held.set(pair.reason, (held.get(pair.reason) ?? 0) + 1);
  choice.append(make("option", { value: "" }, "every reason"));
  for (const [reason, num] of held) {
    const all = told.reasons[reason]?.num_pairs;
    const size = all > num ? `worst ${count(num)} of ${count(all)}` : count(num);
    choice.append(make("option", { value: reason }, `${reasonName(reason)} (${size})`));
  }
}

function sortButtons() {
  for (const head of table.querySelectorAll("th[data-sort]")) {
    const button = make("button", { type: "button" }, NAMES[head.dataset.sort]);
    button.addEventListener("click", () => sortBy(head.dataset.sort));
    head.append(button);
  }
}

function sortBy(key) {
  state.down = state.key === key ? !state.down : false;
  state.key = key;
  for (const head of table.querySelectorAll("th[data-sort]")) {
    if (head.dataset.sort === key) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  list();
}

// What is not known stands last, whichever way the table is sorted.
function compare(one, other) {
  const [a, b] = [one[state.key], other[state.key]];
  if (a == null || b == null) return (a == null) - (b == null);
  return (a < b ? -1 : a > b ? 1 : 0) * (state.down ? -1 : 1);
}

function list() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  state.listed = pairs.filter((pair) => (!choice.value || pair.reason === choice.value) && words.every((word) => pair.haystack.includes(word)));
  if (state.key) state.listed.sort(compare);
  draw();
}

function draw() {
  const rows = state.listed.slice(0, state.shown);
  body.replaceChildren(...rows.flatMap((pair) => pair === state.open ? [row(pair), detail(pair)] : [row(pair)]));
  more.hidden = state.listed.length <= rows.length;
  const num = state.listed.length;
  const matching = num === pairs.length ? `${count(num)} pairs` : `${count(num)} of ${count(pairs.length)} pairs`;
  found.textContent = matching + (more.hidden ? "" : `, the first ${count(rows.length)} shown`);
}

function row(pair) {
  const open = pair === state.open;
  const excerpt = whole(pair.prompt).slice(0, 200) || "(no prompt)";
  const button = make("button", { type: "button", class: "open", dir: "auto", "aria-expanded": String(open), "data-place": pair.place }, excerpt);
  button.addEventListener("click", () => toggle(pair));
  const figures = [number(pair.margin, 3), share(pair.agreement), share(pair.p_correct), pair.gap == null ? "–" : count(pair.gap).replace("-", "−")];
  return make("tr", {}, make("th", { scope: "row" }, button), make("td", {}, reasonName(pair.reason)),
    ...figures.map((text) => make("td", { class: "number" }, text)));
}

function toggle(pair) {
  if (state.open === pair) close();
  else show(pair);
}

function close() {
  const shut = state.open;
  state.open = null;
  history.replaceState(null, "", "#rows");
  draw();
  buttonOf(shut)?.focus();
}

const buttonOf = (pair) => body.querySelector(`[data-place="${pair.place}"]`);

function show(pair) {
  state.open = pair;
  state.shown = Math.max(state.shown, state.listed.indexOf(pair) + 1);
  history.replaceState(null, "", `#pair=${pair.pair_id}`);
  draw();
  const button = buttonOf(pair);
  button.focus();
  button.closest("tr").scrollIntoView({ block: "nearest" });
}

function text(cut) {
  const node = make("div", { class: "text", dir: "auto" });
  if (cut.before) node.append(make("span", { class: "more" }, `${count(cut.before)} characters that both begin with … `));
  (cut.parts ?? [cut.text]).forEach((part, place) => {
    if (cut.parts && place % 2 === 0 && part) node.append(make("mark", {}, part));
    else put(node, part);
  });
  if (cut.after) node.append(make("span", { class: "more" }, ` … ${count(cut.after)} more characters`));
  return node;
}

function side(pair, name) {
  const facts = [pair[`${name}_generator`], pair[`${name}_tokens`] == null ? null : `${count(pair[`${name}_tokens`])} ${told.unit}`];
  const head = make("h3", {}, name === "chosen" ? "Chosen" : "Rejected");
  for (const fact of facts) if (fact) head.append(make("span", {}, fact));
  return make("div", { class: name }, head, text(pair[name]));
}

function reasons(pair) {
  const every = new Set(pair.failed ?? []).add(pair.reason);
  const lines = [...every].map((reason) => {
    const { what, stage } = told.reasons[reason] ?? {};
    const line = make("li", {}, make("b", {}, reasonName(reason)));
    if (what) put(line, stage === "winnow" ? ` asks: ${what}` : `: ${what}`);
    if (every.size > 1 && reason === pair.reason) line.append(make("span", { class: "quiet" }, " (listed for this)"));
    return line;
  });
  return make("ul", { class: "why", "aria-label": "Reasons" }, ...lines);
}

function judgements(pair) {
  if (!pair.judgements?.length) return null;
  const says = (each) => {
    const gap = each.preference ?? (each.chosen != null && each.rejected != null ? each.chosen - each.rejected : null);
    return gap == null ? "–" : gap > 0 ? "chosen is better" : gap < 0 ? "rejected is better" : "a tie";
  };
  const score = (value) => value == null ? "–" : String(value);
  const scored = pair.judgements.some((each) => each.chosen != null || each.rejected != null);
  const head = ["Rater", "Of", ...(scored ? ["Chosen", "Rejected"] : []), "Says"].map((name) => make("th", { scope: "col" }, name));
  const lines = pair.judgements.map((each) => {
    const scores = scored ? [score(each.chosen), score(each.rejected)] : [];
    const cells = [each.aspect, ...scores, says(each)].map((value) => make("td", {}, value));
    return make("tr", {}, make("th", { scope: "row" }, make("bdi", {}, each.rater)), ...cells);
  });
  const note = pair.more_judgements ? make("p", { class: "quiet" }, `${count(pair.more_judgements)} more judgements`) : "";
  return make("div", { class: "wide", role: "region", tabindex: "0", "aria-label": "What raters said" }, make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines)), note);
}

function evidence(pair) {
  const line = pair.source_line == null ? "" : `, line ${pair.source_line}`;
  const facts = [["Margin", number(pair.margin, 3)], ["Agreement", share(pair.agreement)], ["P(correct)", share(pair.p_correct)],
    ["Similarity", pair.similarity == null ? null : number(pair.similarity, 3)], ["Stage", pair.stage], ["Split", pair.split],
    ["Source", pair.source && pair.source + line], ["Shared with an evaluation", pair.contamination], ["Nearly repeats", pair.duplicate_of]];
  const known = facts.filter(([, value]) => value);
  return make("dl", { class: "evidence" }, ...known.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function detail(pair) {
  const place = state.listed.indexOf(pair);
  const step = (name, by) => {
    const button = make("button", { type: "button", disabled: !state.listed[place + by] }, name);
    button.addEventListener("click", () => show(state.listed[place + by]));
    return button;
  };
  const shut = make("button", { type: "button" }, "Close");
  shut.addEventListener("click", close);
  const link = make("a", { class: "id", href: `#pair=${pair.pair_id}` }, pair.pair_id);
  const unlike = pair.chosen.parts || (!whole(pair.chosen) && !whole(pair.rejected)) ? null
    : make("p", { class: "quiet" }, "The two share too few words to mark what differs.");
  const article = make("article", { "aria-label": `Pair ${pair.pair_id}` },
    make("div", { class: "tools" }, link, step("Previous", -1), step("Next", 1), shut), reasons(pair),
    make("div", { class: "ask" }, make("h3", {}, "Prompt"), text(pair.prompt)),
    make("div", { class: "sides" }, side(pair, "chosen"), side(pair, "rejected")), unlike,
    judgements(pair), evidence(pair), make("p", { class: "quiet" }, "The whole story: ", make("code", {}, told.why.replace("PAIR_ID", pair.pair_id))));
  article.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  return make("tr", { class: "detail" }, make("td", { colspan: narrow.matches ? 3 : 6 }, article));
}

// #pair=ID opens a pair, #reason=NAME lists a reason's.
function follow() {
  const [, name, value] = location.hash.match(/^#(pair|reason)=(.*)$/) ?? [];
  if (!name) return;
  const wanted = decodeURIComponent(value);
  if (name === "reason" && ![...choice.options].some((each) => each.value === wanted)) return;
  query.value = "";
  choice.value = name === "reason" ? wanted : "";
  list();
  const pair = name === "pair" && pairs.find((each) => wanted && each.pair_id.startsWith(wanted));
  if (pair) show(pair);
  else document.getElementById("rows").scrollIntoView();
  if (name === "pair" && !pair) found.textContent = `This page does not hold pair ${wanted}; ${told.why.replace("PAIR_ID", wanted)} tells its story.`;
}

query.addEventListener("input", () => { state.shown = PAGE; list(); });
choice.addEventListener("change", () => { state.shown = PAGE; list(); });
query.form.addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", () => { state.shown += PAGE; draw(); });
addEventListener("hashchange", follow);
narrow.addEventListener("change", draw);
fillReasons();
sortButtons();
list();
follow();
