const MOST_BARS = 20;
const PAUSE = 150; // milliseconds without a key before a text is sent
const HUES = [210, 130, 20, 280, 55, 330, 170, 0];
const at = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)}%`;
let models = [];
let timer = 0;
let asking = null;

const chosen = () => models[at("model").selectedIndex];

/* The bars of a classifier, most probable first. */
function bars({ probabilities }) {
  const shares = Object.entries(probabilities).sort((one, other) => other[1] - one[1]);
  const rows = shares.slice(0, MOST_BARS).map(([label, share]) => {
    const bar = make("div");
    bar.style.width = `${100 * share}%`;
    return make("tr", {},
      make("th", { scope: "row" }, worded(label)),
      make("td", { className: "track", ariaHidden: "true" }, bar),
      make("td", { className: "number" }, percent(share)));
  });
  const told = rows.length < shares.length ? `The ${rows.length} most probable of ${shares.length} labels` : "Probabilities";
  return make("table", { className: "bars" }, make("caption", {}, told), make("tbody", {}, ...rows));
}

/* The text with its entities marked; places are in code points, of which a string of JavaScript may need two units. */
function marked(text, entities, hue) {
  const points = Array.from(text);
  const line = make("p", { className: "text", dir: "auto" });
  if (/\p{Script=Han}/u.test(text)) line.lang = "zh-Hans";
  let end = 0;
  for (const entity of entities) {
    const mark = make("mark", { title: entity.type }, points.slice(entity.start, entity.end).join(""));
    mark.append(make("small", { lang: "en" }, entity.type));
    mark.style.setProperty("--hue", hue(entity.type));
    line.append(points.slice(end, entity.start).join(""), mark);
    end = entity.end;
  }
  line.append(points.slice(end).join(""));
  return line;
}

function found(entities) {
  const rows = entities.map(({ start, end, type, text }) => make("tr", {},
    make("td", { className: "own" }, worded(text)), make("td", { className: "short" }, worded(type)), make("td", { className: "number" }, `${start}–${end}`)));
  const head = make("tr", {}, ...["Entity", "Type"].map((name) => make("th", { scope: "col" }, name)),
    make("th", { scope: "col", className: "number" }, "Characters"));
  return make("table", {}, make("caption", {}, "Entities"), make("thead", {}, head), make("tbody", {}, ...rows));
}

function show(model, text, answer) {
  at("wrong").hidden = true;
  if (model.task === "classify") {
    at("said").replaceChildren(worded(answer.label), `, ${percent(answer.probability)}`);
    at("answer").replaceChildren(bars(answer));
    return;
  }
  const { entities } = answer;
  const hue = (type) => HUES[Math.max(0, model.labels.indexOf(type)) % HUES.length];
  at("said").replaceChildren(entities.length === 1 ? "1 entity" : `${entities.length || "No"} entities`);
  at("answer").replaceChildren(marked(text, entities, hue), ...(entities.length ? [found(entities)] : []));
}

function fail(error) {
  at("said").replaceChildren();
  at("answer").replaceChildren();
  at("wrong").textContent = error.message;
  at("wrong").hidden = false;
}

async function answer() {
  asking?.abort(); // an answer to what is no longer there would take its place
  asking = null;
  const model = chosen(), text = at("text").value;
  if (!text) {
    at("wrong").hidden = true;
    at("said").textContent = "Nothing asked yet.";
    at("answer").replaceChildren();
    return;
  }
  const own = asking = new AbortController();
  try {
    const body = JSON.stringify({ texts: [text] });
    const headers = { "Content-Type": "application/json" };
    const options = { method: "POST", headers, body, signal: own.signal };
    const { predictions } = await ask(`v1/models/${encodeURIComponent(model.name)}/predict`, options);
    if (own === asking) show(model, text, predictions[0]);
  } catch (error) {
    if (own === asking) fail(error);
  }
}

function choose() {
  const { task, labels, params } = chosen();
  const { cell, layers, hidden_size: size, bidirectional } = params.model;
  const kind = task === "tag" ? "finds entities" : "classifies";
  const count = `${labels.length} ${task === "tag" ? "types" : "labels"}`;
  at("about").textContent = `${kind}, ${count}; ${cell} ${size} × ${layers}${bidirectional ? ", both directions" : ""}`;
  at("asked").textContent = task === "tag" ? "Sentence" : "Text";
  answer();
}

at("model").addEventListener("change", choose);
at("text").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(answer, PAUSE);
});
ask("v1/models").then((body) => {
  models = body.models;
  at("model").replaceChildren(...models.map(({ name }) => make("option", { value: name }, name)));
  choose();
}).catch(fail);
