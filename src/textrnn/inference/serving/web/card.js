/* The text of a line of Markdown, with `code` as elements; a backslash makes the next character plain. */
function inline(text) {
  const parts = [];
  let plain = "";
  for (const [all, ticks, code, escaped] of text.matchAll(/(`+)(.+?)\1(?!`)|\\([\\`*[\]<>|~&$#_])|[^]/gu)) {
    if (!ticks) {
      plain += escaped ?? all;
      continue;
    }
    parts.push(plain, make("code", {}, isolate(/^ .* $/u.test(code) ? code.slice(1, -1) : code)));
    plain = "";
  }
  return [...parts, plain].filter((part) => part !== "");
}

const cellsOf = (row) => row.slice(1, -1).split(/(?<!\\)\|/u).map((cell) => cell.trim());

function cardTable([head, , ...rows]) {
  const heads = cellsOf(head).map((cell) => make("th", { scope: "col" }, ...inline(cell)));
  const lines = rows.map((row) => make("tr", {}, ...cellsOf(row).map((cell) => make("td", {}, ...inline(cell)))));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines));
  return make("div", { className: "scroll", tabIndex: 0 }, table);
}

/* An element for a block of lines: the forms that `analyze` writes, and a paragraph for any other. */
function block(lines) {
  const heading = /^(#{1,3}) (.*)$/u.exec(lines[0]);
  if (heading) return make(`h${heading[1].length}`, {}, ...inline(heading[2]));
  if (lines[0].startsWith("```")) return make("pre", { tabIndex: 0 }, make("code", {}, lines.slice(1, -1).join("\n")));
  if (lines[0].startsWith("| ")) return cardTable(lines);
  if (lines[0].startsWith("* ")) {
    return make("ul", {}, ...lines.map((line) => make("li", {}, ...inline(line.replace(/^\* /u, "")))));
  }
  return make("p", {}, ...inline(lines.join(" ")));
}

/* Blocks are separated by blank lines, but for those inside code. */
function blocksOf(markdown) {
  const blocks = [[]];
  let inCode = false;
  for (const line of markdown.split("\n")) {
    if (line.startsWith("```")) inCode = !inCode;
    if (line === "" && !inCode) blocks.push([]);
    else blocks.at(-1).push(line);
  }
  return blocks.filter((lines) => lines.length);
}

async function showCard() {
  const name = new URLSearchParams(location.search).get("model") ?? "";
  const response = await fetch(`v1/models/${encodeURIComponent(name)}/card`);
  if (!response.ok) throw new Error(`the model ${name} has no card`);
  document.getElementById("card").append(...blocksOf(await response.text()).map(block));
  document.title = `textrnn: card of ${name}`;
}

showCard().catch((error) => {
  const message = document.getElementById("error");
  message.textContent = error.message;
  message.hidden = false;
});
