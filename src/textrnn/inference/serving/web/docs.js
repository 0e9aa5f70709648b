const last = (reference) => reference.split("/").pop();

/* A schema in words: "list of string, up to 1000 of them", with links to the schemas below. */
function kind(schema) {
  if (schema.$ref) return [make("a", { href: `#${last(schema.$ref)}` }, last(schema.$ref))];
  if (schema.anyOf) return schema.anyOf.flatMap((each, at) => (at ? [" or ", ...kind(each)] : kind(each)));
  if (schema.enum) return [schema.enum.map((each) => JSON.stringify(each)).join(" or ")];
  if (schema.type === "array") {
    return ["list of ", ...kind(schema.items), schema.maxItems ? `, up to ${schema.maxItems} of them` : ""];
  }
  if (typeof schema.additionalProperties === "object") return ["object of ", ...kind(schema.additionalProperties)];
  return [schema.type ?? "anything", schema.maxLength ? ` (up to ${schema.maxLength} characters)` : ""];
}

function fields(schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => make("tr", {},
    make("th", { scope: "row" }, make("code", {}, name)),
    make("td", {}, ...kind(field)),
    make("td", { className: "quiet" }, field.description ?? "")));
  const head = ["Name", "Type", "What"].map((name) => make("th", { scope: "col" }, name));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

function asked(path, body, model) {
  const { schema, example } = body.content["application/json"];
  const data = JSON.stringify(example);
  const url = new URL(path.slice(1).replace("{name}", encodeURIComponent(model)), document.baseURI).href;
  return [
    make("h3", {}, "Body"),
    make("p", { className: "quiet" }, `JSON, ${body.description}`),
    fields(schema),
    make("h3", {}, "Example"),
    make("pre", { tabIndex: 0 }, make("code", {}, `curl ${url} \\\n  --json '${data}'`)),
  ];
}

function answers(responses) {
  const rows = Object.entries(responses).map(([status, { description, content }]) => {
    const schema = content?.["application/json"]?.schema;
    const type = schema && Object.keys(schema).length ? kind(schema) : [Object.keys(content ?? {})[0] ?? "text"];
    return make("tr", {}, make("th", { scope: "row" }, status), make("td", {}, ...type),
      make("td", { className: "quiet" }, description));
  });
  const head = ["Status", "Body", "When"].map((name) => make("th", { scope: "col" }, name));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

function operation(path, method, told, model) {
  const title = make("h2", {}, make("span", { className: "method" }, method.toUpperCase()), make("code", {}, path));
  const parts = [title, make("p", {}, [told.summary, told.description].filter(Boolean).join(". "))];
  if (told.requestBody) parts.push(...asked(path, told.requestBody, model));
  return make("section", { className: "card" }, ...parts, make("h3", {}, "Answers"), answers(told.responses));
}

Promise.all([ask("openapi.json"), ask("v1/models")]).then(([{ paths, components, info }, { models }]) => {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]) => operation(path, method, told, models[0].name)));
  const types = Object.entries(components.schemas).filter(([, schema]) => schema.properties).map(([name, schema]) =>
    make("section", { className: "card", id: name },
      make("h2", {}, make("code", {}, name)), make("p", {}, schema.description ?? ""), fields(schema)));
  document.getElementById("docs").append(make("p", {}, info.description), ...operations, ...types);
}).catch((error) => {
  const wrong = document.getElementById("wrong");
  wrong.textContent = error.message;
  wrong.hidden = false;
});
