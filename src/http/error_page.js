// The crash-report dialog, as a function of its texts. Runs in a page of somebody else: brings its own markup and
// styles in a shadow tree, loads nothing, and uses neither innerHTML nor inline styles, which a strict policy forbids.
(function (texts) {
  "use strict";
  var script = document.currentScript;
  if (!script || !script.src) return;
  var own = new URL(script.src);
  var address = new URL(own.origin + own.pathname);
  ["dsn", "eventId"].forEach(function (name) {
    address.searchParams.set(name, own.searchParams.get(name) || "");
  });

  var HOST_ID = "trapline-report-dialog";
  var CSS =
    ":host{all:initial}" +
    "dialog{--bg:#fff;--text:#171a21;--quiet:#4a5160;--line:#7b8494;--accent:#0b5fce;--on:#fff;--bad:#c01c28;" +
    "box-sizing:border-box;width:min(34rem,calc(100vw - 2rem));max-height:calc(100vh - 2rem);overflow:auto;margin:auto;" +
    "padding:1.5rem;border:1px solid var(--line);border-radius:10px;background:var(--bg);color:var(--text);" +
    "font:400 16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;text-align:start;" +
    "box-shadow:0 12px 48px rgb(0 0 0/30%)}" +
    "dialog::backdrop{background:rgb(10 12 16/55%)}" +
    "h2{margin:0 0 .5rem;font-size:1.25rem;line-height:1.3;font-weight:650}" +
    "p{margin:0 0 1rem;color:var(--quiet)}" +
    "p span{display:block}" +
    "p.alert{color:var(--bad);font-weight:600}" +
    "p:empty,span:empty{display:none}" +
    "label{display:block;margin:0 0 .25rem;font-size:.875rem;font-weight:600}" +
    ".field{margin:0 0 1rem}" +
    ".pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}" +
    "input,textarea{box-sizing:border-box;width:100%;margin:0;padding:.5rem .625rem;border:1px solid var(--line);" +
    "border-radius:6px;background:transparent;color:inherit;font:inherit}" +
    "textarea{min-height:7.5rem;resize:vertical}" +
    "[aria-invalid=true]{border-color:var(--bad);border-width:2px}" +
    ".wrong{display:block;margin-top:.25rem;color:var(--bad);font-size:.8125rem}" +
    ".buttons{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.25rem}" +
    "button{min-height:2.5rem;padding:.5rem 1rem;border:1px solid var(--line);border-radius:6px;background:transparent;" +
    "color:inherit;font:inherit;font-weight:600;cursor:pointer}" +
    "button.main{border-color:var(--accent);background:var(--accent);color:var(--on)}" +
    "button[disabled]{opacity:.6;cursor:default}" +
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}" +
    "[hidden]{display:none!important}" +
    "@media(max-width:30rem){.pair{grid-template-columns:1fr}dialog{padding:1.125rem}}" +
    "@media(prefers-color-scheme:dark){dialog{--bg:#1c2129;--text:#e8ebf0;--quiet:#b3bac6;--line:#6b7585;" +
    "--accent:#79b0ff;--on:#0f1216;--bad:#ff8a85;color-scheme:dark}}";

  function make(tag, attributes, children) {
    var element = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) {
      element.setAttribute(name, attributes[name]);
    });
    (children || []).forEach(function (child) {
      element.append(child);
    });
    return element;
  }

  function field(name, label, control, value) {
    control.id = name;
    control.name = name;
    control.required = true;
    control.value = value;
    control.setAttribute("aria-describedby", name + "-wrong");
    var wrong = make("span", { class: "wrong", id: name + "-wrong" });
    return { name: name, control: control, wrong: wrong, row: make("div", { class: "field" }, [make("label", { for: name }, [label]), control, wrong]) };
  }

  function show() {
    var earlier = document.getElementById(HOST_ID);
    if (earlier) earlier.remove();
    var host = make("div", { id: HOST_ID });
    var root = host.attachShadow({ mode: "open" });
    try {
      var sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      root.adoptedStyleSheets = [sheet];
    } catch (_) {
      root.append(make("style", {}, [CSS]));
    }

    var fields = [
      field("name", texts.labelName, make("input", { type: "text", autocomplete: "name", maxlength: "128" }), texts.name),
      field("email", texts.labelEmail, make("input", { type: "email", autocomplete: "email", maxlength: "254" }), texts.email),
      field("comments", texts.labelComments, make("textarea", { rows: "5", maxlength: "4096" }), texts.comments),
    ];
    var title = make("h2", { id: "title" }, [texts.title]);
    var intro = make("p", { id: "intro" }, [make("span", {}, [texts.subtitle]), make("span", {}, [texts.subtitle2])]);
    var alert = make("p", { class: "alert", role: "alert" });
    var submit = make("button", { class: "main", type: "submit" }, [texts.labelSubmit]);
    var cancel = make("button", { type: "button" }, [texts.labelClose]);
    var form = make("form", { novalidate: "" }, [
      alert,
      make("div", { class: "pair" }, [fields[0].row, fields[1].row]),
      fields[2].row,
      make("div", { class: "buttons" }, [submit, cancel]),
    ]);
    var done = make("button", { class: "main", type: "button" }, [texts.labelClose]);
    var thanks = make("div", {}, [make("p", { role: "status" }), make("div", { class: "buttons" }, [done])]);
    thanks.hidden = true;
    var dialog = make("dialog", { "aria-labelledby": "title", "aria-describedby": "intro" }, [title, intro, form, thanks]);
    dialog.dir = getComputedStyle(document.documentElement).direction;
    root.append(dialog);

    function mark(errors) {
      var first = null;
      fields.forEach(function (each) {
        var problem = errors[each.name] ? String([].concat(errors[each.name])[0]) : "";
        each.wrong.textContent = problem;
        each.control.setAttribute("aria-invalid", problem ? "true" : "false");
        if (problem && !first) first = each.control;
      });
      if (first) first.focus();
    }

    function fail(text, errors) {
      alert.textContent = text;
      submit.disabled = false;
      mark(errors || {});
    }

    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (submit.disabled) return;
      submit.disabled = true;
      alert.textContent = "";
      var body = new URLSearchParams();
      fields.forEach(function (each) {
        body.set(each.name, each.control.value);
      });
      fetch(address.href, { method: "POST", body: body, credentials: "omit" })
        .then(function (response) {
          if (response.ok) {
            form.hidden = true;
            intro.hidden = true;
            thanks.hidden = false;
            thanks.firstChild.textContent = texts.successMessage;
            done.focus();
            return undefined;
          }
          return response.json().then(function (answer) {
            fail(answer.errors ? texts.errorFormEntry : answer.later ? texts.errorLater : texts.errorGeneric, answer.errors);
          });
        })
        .catch(function () {
          fail(texts.errorGeneric);
        });
    });
    [cancel, done].forEach(function (button) {
      button.addEventListener("click", function () {
        dialog.close();
      });
    });
    // A page that stops or reads all keys must not take them from the form. Escape is the dialog's own, and what is
    // behind it is out of reach; Tab also leads from its end to its beginning.
    dialog.addEventListener("keydown", function (event) {
      event.stopPropagation();
      if (event.key !== "Tab") return;
      var stops = form.hidden ? [done] : [fields[0].control, fields[1].control, fields[2].control, submit, cancel].filter(function (stop) {
        return !stop.disabled;
      });
      var edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
      if (root.activeElement !== edge) return;
      event.preventDefault();
      stops[event.shiftKey ? stops.length - 1 : 0].focus();
    });
    dialog.addEventListener("close", function () {
      host.remove();
      // The SDK's onClose waits for this word.
      window.postMessage("__sentry_reportdialog_closed__", "*");
    });
    (document.body || document.documentElement).append(host);
    dialog.showModal();
    var empty = fields.filter(function (each) {
      return !each.control.value;
    })[0];
    (empty || fields[2]).control.focus();
  }

  if (document.body) show();
  else document.addEventListener("DOMContentLoaded", show);
})
