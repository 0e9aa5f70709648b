const schemaName = (reference) => reference.split("/").pop();

/* Describe a schema in words, such as "list of string, up to 1000 of them", with links to the schemas below. */
function describe(schema) {
  if (schema.$ref) return [make("a", { href: `#${schemaName(schema.$ref)}` }, schemaName(schema.$ref))];
  if (schema.anyOf) {
    return schema.anyOf.flatMap((option, index) => (index ? [" or ", ...describe(option)] : describe(option)));
  }
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" or ")];
  if (schema.type === "array") {
    return ["list of ", ...describe(schema.items), schema.maxItems ? `, up to ${schema.maxItems} of them` : ""];
  }
  if (typeof schema.additionalProperties === "object") return ["object of ", ...describe(schema.additionalProperties)];
  return [schema.type ?? "anything", schema.maxLength ? ` (up to ${schema.maxLength} characters)` : ""];
}

function fieldTable(schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => make("tr", {},
    make("th", { scope: "row" }, make("code", {}, name)),
    make("td", {}, ...describe(field)),
    make("td", { className: "quiet" }, field.description ?? "")));
  const head = ["Name", "Type", "Description"].map((name) => make("th", { scope: "col" }, name));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

function requestSection(body, model) {
  const { schema, example } = body.content["application/json"];
  const texts = model.example === null ? example.texts : [model.example];
  return [
    make("h3", {}, "Body"),
    make("p", { className: "quiet" }, `JSON, ${body.description}`),
    fieldTable(schema),
    make("h3", {}, "Example"),
    make("pre", { tabIndex: 0 }, make("code", {}, curlCommand(model.name, texts))),
  ];
}

function responseTable(responses) {
  const rows = Object.entries(responses).map(([status, { description, content }]) => {
    const schema = content?.["application/json"]?.schema;
    const type = schema && Object.keys(schema).length ? describe(schema) : [Object.keys(content ?? {})[0] ?? "text"];
    return make("tr", {}, make("th", { scope: "row" }, status), make("td", {}, ...type),
      make("td", { className: "quiet" }, description));
  });
  const head = ["Status", "Body", "Description"].map((name) => make("th", { scope: "col" }, name));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

function operationSection(path, method, spec, model) {
  const title = make("h2", {}, make("span", { className: "method" }, method.toUpperCase()), make("code", {}, path));
  const parts = [title, make("p", {}, [spec.summary, spec.description].filter(Boolean).join(". "))];
  if (spec.requestBody) parts.push(...requestSection(spec.requestBody, model));
  parts.push(make("h3", {}, "Responses"), responseTable(spec.responses));
  return make("section", { className: "card" }, ...parts);
}

Promise.all([fetchJson("openapi.json"), fetchJson("v1/models")]).then(([{ paths, components, info }, { models }]) => {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, spec]) => operationSection(path, method, spec, models[0])));
  const types = Object.entries(components.schemas).filter(([, schema]) => schema.properties).map(([name, schema]) =>
    make("section", { className: "card", id: name },
      make("h2", {}, make("code", {}, name)), make("p", {}, schema.description ?? ""), fieldTable(schema)));
  document.getElementById("docs").append(make("p", {}, info.description), ...operations, ...types);
}).catch((error) => {
  const message = document.getElementById("error");
  message.textContent = error.message;
  message.hidden = false;
});
