// The API page: openapi.json -> a form for each operation, its line for curl, and what the server answers.

const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function headers() {
  const token = $("token").value;
  return token ? { Authorization: `Bearer ${token}` } : {};
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// What one filled-in form asks for.
function wanted(path, method, fields, file) {
  const given = Object.entries(fields).filter(([, field]) => field.value !== "").map(([name, field]) => [name, field.value]);
  const query = new URLSearchParams(given).toString();
  const url = new URL(`${path.slice(1)}${query ? `?${query}` : ""}`, location.href);
  const token = $("token").value ? " -H 'Authorization: Bearer TOKEN'" : "";
  const names = [...(file?.files || [])].map((one) => one.name);
  const images = file ? (names.length ? names : ["cat.jpg"]).map((name) => ` -F ${quoted(`images=@${name}`)}`).join("") : "";
  return { url, line: `curl -s${token}${images} ${quoted(url.href)}`, method };
}

function parameter(id, { name, description, schema }) {
  const kinds = schema.anyOf || [schema], choices = kinds.flatMap((kind) => kind.enum || (kind.type === "boolean" ? ["true", "false"] : []));
  const field = choices.length ? element("select", { id }, element("option", { value: "" }, "as the server has it"),
    ...choices.map((choice) => element("option", { value: choice }, choice))) : element("input", { id, type: "text", autocomplete: "off" });
  field.setAttribute("aria-describedby", `${id}-says`);
  return [field, element("p", {}, element("label", { htmlFor: id }, name), " ", field,
    element("span", { id: `${id}-says`, className: "soft small" }, ` ${description || ""}`))];
}

function operation(path, method, told) {
  const key = `${method}${path}`.replaceAll("/", "-"), fields = {}, rows = [];
  for (const one of told.parameters || []) {
    const [field, row] = parameter(`${key}-${one.name}`, one);
    fields[one.name] = field;
    rows.push(row);
  }
  const file = told.requestBody ? element("input", { id: `${key}-images`, type: "file", accept: "image/*", multiple: true }) : null;
  if (file) rows.unshift(element("p", {}, element("label", { htmlFor: file.id }, "images "), file));
  const line = element("pre", { tabIndex: 0 }), answer = element("pre", { tabIndex: 0, hidden: true });
  const status = element("p", { className: "strong" });
  status.setAttribute("role", "status");
  answer.setAttribute("aria-label", `Answer of ${path}`);
  const show = () => { line.textContent = wanted(path, method, fields, file).line; };
  const form = element("form", { className: "card operation", oninput: show, onsubmit: async (event) => {
    event.preventDefault();
    if (file && !file.files.length) {
      status.textContent = "Choose an image first.";
      return;
    }
    const { url } = wanted(path, method, fields, file);
    const body = file ? new FormData() : undefined;
    for (const one of file?.files || []) body.append("images", one);
    status.textContent = "Asking…";
    try {
      const reply = await fetch(url, { method: method.toUpperCase(), headers: headers(), body });
      const text = await reply.text();
      status.textContent = `${reply.status} ${reply.statusText}`;
      answer.hidden = false;
      try { answer.textContent = JSON.stringify(JSON.parse(text), null, 2); } catch { answer.textContent = text; }
    } catch {
      status.textContent = "The server cannot be reached.";
    }
  } }, element("h2", {}, `${method.toUpperCase()} ${path}`), element("p", {}, told.description || told.summary || ""), ...rows, line,
  element("button", { type: "submit", className: "primary" }, "Send"), status, answer);
  $("token").addEventListener("input", show);
  show();
  return form;
}

async function start() {
  const reply = await fetch("openapi.json", { headers: headers() });
  if (reply.status === 401) {
    $("operations").replaceChildren(element("p", {}, "This server asks for its token: enter it above."));
    return;
  }
  const { paths } = await reply.json();
  $("operations").replaceChildren(...Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]) => operation(path, method, told))));
  document.body.dataset.ready = "yes";
}

const begin = () => start().catch(() => { $("operations").textContent = "The server cannot be reached. Load the page again."; });
$("token").addEventListener("change", () => { if (!document.body.dataset.ready) begin(); });
begin();
