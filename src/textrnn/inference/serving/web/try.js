const MAX_BARS = 20;
const DELAY = 150; // milliseconds after the last key before a text is sent
const HUES = [210, 130, 20, 280, 55, 330, 170, 0];
const byId = (id) => document.getElementById(id);
const percent = (value) => `${(100 * value).toFixed(value < 0.1 ? 2 : 1)}%`;
let models = [];
let timer = 0;
let pending = null; // the AbortController of the latest request

const selectedModel = () => models[byId("model").selectedIndex];

/* The labels' probabilities as bars, the most probable first. */
function barTable({ probabilities }) {
  const sorted = Object.entries(probabilities).sort((one, other) => other[1] - one[1]);
  const rows = sorted.slice(0, MAX_BARS).map(([label, probability]) => {
    const bar = make("div");
    bar.style.width = `${100 * probability}%`;
    return make("tr", {},
      make("th", { scope: "row" }, isolate(label)),
      make("td", { className: "track", ariaHidden: "true" }, bar),
      make("td", { className: "number" }, percent(probability)));
  });
  const all = rows.length === sorted.length;
  const caption = all ? "Probabilities" : `The ${rows.length} most probable of ${sorted.length} labels`;
  return make("table", { className: "bars" }, make("caption", {}, caption), make("tbody", {}, ...rows));
}

/* The text with its entities marked. Their positions count code points; a JavaScript string counts UTF-16 units. */
function markEntities(text, entities, hue) {
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

function entityTable(entities) {
  const rows = entities.map(({ start, end, type, text }) => make("tr", {},
    make("td", { className: "entity" }, isolate(text)), make("td", { className: "short" }, isolate(type)), make("td", { className: "number" }, `${start}–${end}`)));
  const head = make("tr", {}, ...["Entity", "Type"].map((name) => make("th", { scope: "col" }, name)),
    make("th", { scope: "col", className: "number" }, "Characters"));
  return make("table", {}, make("caption", {}, "Entities"), make("thead", {}, head), make("tbody", {}, ...rows));
}

function show(model, text, prediction) {
  byId("error").hidden = true;
  if (model.task === "classify") {
    byId("summary").replaceChildren(isolate(prediction.label), `, ${percent(prediction.probability)}`);
    byId("details").replaceChildren(barTable(prediction));
    return;
  }
  const { entities } = prediction;
  const hue = (type) => HUES[Math.max(0, model.labels.indexOf(type)) % HUES.length];
  byId("summary").replaceChildren(entities.length === 1 ? "1 entity" : `${entities.length || "No"} entities`);
  byId("details").replaceChildren(markEntities(text, entities, hue), ...(entities.length ? [entityTable(entities)] : []));
}

function showError(error) {
  byId("summary").replaceChildren();
  byId("details").replaceChildren();
  byId("error").textContent = error.message;
  byId("error").hidden = false;
}

async function predict() {
  pending?.abort(); // or the response to an older text could replace that to the current one
  pending = null;
  const model = selectedModel(), text = byId("text").value;
  if (!text) {
    byId("error").hidden = true;
    byId("summary").textContent = "No text yet.";
    byId("details").replaceChildren();
    return;
  }
  const controller = pending = new AbortController();
  try {
    const body = JSON.stringify({ texts: [text] });
    const headers = { "Content-Type": "application/json" };
    const options = { method: "POST", headers, body, signal: controller.signal };
    const { predictions } = await fetchJson(`v1/models/${encodeURIComponent(model.name)}/predict`, options);
    if (controller === pending) show(model, text, predictions[0]);
  } catch (error) {
    if (controller === pending) showError(error);
  }
}

/* What depends on both the model and the text: the prediction, the command and the button of the example. */
function update() {
  const { name, example } = selectedModel(), text = byId("text").value;
  byId("command").textContent = curlCommand(name, [text || example || "a text"]);
  byId("copied").textContent = "";
  byId("example").hidden = example === null || text === example;
  const ofTest = "An example from test that the model predicts correctly.";
  byId("hint").textContent = `${text && text === example ? `${ofTest} ` : ""}Predictions update as you type.`;
  predict();
}

/* A cell as people write it: LSTM, scratch GRU. */
function cellName(cell) {
  return cell.split("_").map((word) => (word === "scratch" ? word : word.toUpperCase())).join(" ");
}

/* Show a model. The example of the model shown before gives way to its own; a text that somebody typed stays. */
function selectModel() {
  const { name, task, labels, params, example, card } = selectedModel();
  const { cell, layers, hidden_size: size, bidirectional } = params.model;
  const purpose = task === "tag" ? "Finds entities" : "Classifies texts";
  const count = `${labels.length} ${task === "tag" ? "entity types" : "labels"}`;
  byId("about").textContent = `${purpose}: ${count}. ${bidirectional ? "Bidirectional " : ""}${cellName(cell)}, ${layers} × ${size} units.`;
  byId("card").hidden = card === null;
  byId("card").href = `card?model=${encodeURIComponent(name)}`;
  byId("text-label").textContent = task === "tag" ? "Sentence" : "Text";
  if (["", ...models.map((model) => model.example)].includes(byId("text").value)) byId("text").value = example ?? "";
  update();
}

/* Browsers let only pages of this machine and of HTTPS write to the clipboard; elsewhere the command is selected. */
async function copyCommand() {
  try {
    await navigator.clipboard.writeText(byId("command").textContent);
    byId("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(byId("command"));
    byId("copied").textContent = "Selected: copy it with your keyboard.";
  }
}

byId("model").addEventListener("change", selectModel);
byId("text").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(update, DELAY);
});
byId("example").addEventListener("click", () => {
  byId("text").value = selectedModel().example;
  update();
});
byId("copy").addEventListener("click", copyCommand);
fetchJson("v1/models").then((body) => {
  models = body.models;
  byId("model").replaceChildren(...models.map(({ name }) => make("option", { value: name }, name)));
  selectModel();
}).catch(showError);
