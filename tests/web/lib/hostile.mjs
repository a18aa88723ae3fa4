// Texts that try to become code: composed of what makes an element, what breaks out of a place, and how it is disguised.
// Every one of them calls `hit()` when it succeeds.

const CODE = "hit()";

/** Elements and attributes that run a script in one browser or another. */
const ELEMENTS = [
  `<script>${CODE}</script>`, `<script src=data:text/javascript,${CODE}></script>`, `<script type=module>${CODE}</script>`, `<script/x>${CODE}</script >`,
  `<img src=x onerror=${CODE}>`, `<img src=x onerror="${CODE}"//`, `<img srcset=x onerror=${CODE}>`, `<image href=x onerror=${CODE}>`, `<picture><source srcset=x><img onerror=${CODE} src=x></picture>`,
  `<svg onload=${CODE}>`, `<svg><script>${CODE}</script></svg>`, `<svg><animate onbegin=${CODE} attributeName=x dur=1s>`, `<svg><set onbegin=${CODE} attributeName=x>`, `<svg><a xlink:href="javascript:${CODE}"><text y=20>x</text></a></svg>`, `<svg><foreignObject><iframe srcdoc="<script>parent.${CODE}</script>"></iframe></foreignObject></svg>`, `<svg><use href="data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>${CODE}</script></svg>#x"/></svg>`,
  `<iframe src="javascript:parent.${CODE}">`, `<iframe srcdoc="<script>parent.${CODE}</script>">`, `<iframe onload=${CODE}>`, `<object data="javascript:${CODE}">`, `<object data=data:text/html,<script>parent.${CODE}</script>>`, `<embed src="javascript:${CODE}">`, `<embed src=data:image/svg+xml,<svg/onload=${CODE}>>`, `<frameset onload=${CODE}>`,
  `<video src=x onerror=${CODE}>`, `<video><source onerror=${CODE}>`, `<audio src=x onerror=${CODE}>`, `<track onerror=${CODE}>`, `<video oncanplay=${CODE} autoplay src=data:,>`,
  `<details open ontoggle=${CODE}>`, `<dialog open onclose=${CODE}>`, `<input autofocus onfocus=${CODE}>`, `<select autofocus onfocus=${CODE}>`, `<textarea autofocus onfocus=${CODE}>`, `<keygen autofocus onfocus=${CODE}>`, `<button autofocus onfocus=${CODE}>`, `<a autofocus tabindex=0 onfocus=${CODE}>`, `<div contenteditable autofocus onfocus=${CODE}>`,
  `<body onload=${CODE}>`, `<body onpageshow=${CODE}>`, `<html onmouseover=${CODE}>`, `<marquee onstart=${CODE}>`, `<div onpointerenter=${CODE} style=position:fixed;inset:0>`, `<div style=animation-name:rise onanimationstart=${CODE}>`, `<x onclick=${CODE}>x`, `<x onwheel=${CODE}>x`,
  `<math><maction actiontype=statusline xlink:href="javascript:${CODE}">x</maction></math>`, `<math><mtext><table><mglyph><style><img src=x onerror=${CODE}>`, `<form><button formaction="javascript:${CODE}">x`, `<form action="javascript:${CODE}"><input type=submit>`, `<isindex action="javascript:${CODE}" type=image>`,
  `<link rel=stylesheet href="javascript:${CODE}">`, `<link rel=import href=data:text/html,<script>${CODE}</script>>`, `<meta http-equiv=refresh content="0;url=javascript:${CODE}">`, `<meta http-equiv=refresh content="0;url=data:text/html,<script>opener.${CODE}</script>">`, `<base href="javascript:${CODE}//">`, `<base href=http://elsewhere.example/>`,
  `<style>@import 'javascript:${CODE}';</style>`, `<style>*{background:url("javascript:${CODE}")}</style>`, `<div style="width:expression(${CODE})">`, `<div style="background:url(javascript:${CODE})">`, `<xss style="behavior:url(x.htc)">`,
  `<a href="javascript:${CODE}">x</a>`, `<a href="java&#9;script:${CODE}">x</a>`, `<a href="&#106;avascript:${CODE}">x</a>`, `<a href="data:text/html,<script>${CODE}</script>">x</a>`, `<a target=_blank href=http://elsewhere.example/>x</a>`, `<area href="javascript:${CODE}">`, `<template><script>${CODE}</script></template>`, `<portal src="javascript:${CODE}">`, `<applet code="javascript:${CODE}">`, `<bgsound src="javascript:${CODE}">`, `<table background="javascript:${CODE}">`,
];

/** What ends the place a text stands in. */
const BREAKS = [`">`, `'>`, "</title>", "</textarea>", "</script>", "</style>", "</noscript>", "-->", "]]>", "</template>", "</xmp>", "\"/>", "`>", "\n\n", "\u2028"];

/** Addresses that are code. */
const ADDRESSES = [
  `javascript:${CODE}`, `JaVaScRiPt:${CODE}`, ` javascript:${CODE}`, `\u0001javascript:${CODE}`, `java\tscript:${CODE}`, `java\nscript:${CODE}`, `javascript\t:${CODE}`, `javascript://%0a${CODE}`, `javascript:/*--></title></style></textarea></script><svg/onload='${CODE}'>`,
  `javascript:"<script>${CODE}</script>"`, `data:text/html,<script>opener.${CODE}</script>`, `data:text/html;base64,PHNjcmlwdD5oaXQoKTwvc2NyaXB0Pg==`, `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="${CODE}"/>`, `vbscript:${CODE}`, `view-source:javascript:${CODE}`, `feed:javascript:${CODE}`, `blob:javascript:${CODE}`,
  `filesystem:javascript:${CODE}`, `http://elsewhere.example/"onmouseover="${CODE}`, `//elsewhere.example/x.js`, `http://javascript:${CODE}@host/`, `https:javascript:${CODE}`, `vscode://javascript:${CODE}`, `file:///etc/passwd`, `jar:javascript:${CODE}!/`, `\\\\elsewhere.example\\x`, `/\\elsewhere.example/`, `javascript&colon;${CODE}`, `javascript\u003a${CODE}`,
];

/** Texts that are code where they are put into code, styles, templates, patterns, queries. */
const PLACES = [
  `';${CODE}//`, `";${CODE}//`, `\\';${CODE}//`, `\`;${CODE}//`, `\${${CODE}}`, `{{${CODE}}}`, `{{constructor.constructor('${CODE}')()}}`, `#{${CODE}}`, `<%= ${CODE} %>`, `[[${CODE}]]`, `$(${CODE})`, `*/${CODE}/*`, `</script><script>${CODE}</script>`, `\u2028${CODE}//`, `');${CODE};('`, `}]);${CODE};//`,
  `}</style><script>${CODE}</script>`, `red;background:url(javascript:${CODE})`, `x:expression(${CODE})`, `url(//elsewhere.example/x.css)`, `"onfocus=${CODE} autofocus="`, `'onmouseover='${CODE}`, `x onpointerenter=${CODE}`, `" style="position:fixed;inset:0" onpointermove="${CODE}`, `[x](javascript:${CODE})`, `![x](javascript:${CODE})`, `<javascript:${CODE}>`, `__proto__`, `constructor`, `toString`, `{"__proto__":{"hit":1}}`, `%3Cscript%3E${CODE}%3C/script%3E`,
  `&lt;script&gt;${CODE}&lt;/script&gt;`, `&#60;script&#62;${CODE}&#60;/script&#62;`, `\\u003cscript\\u003e${CODE}\\u003c/script\\u003e`, `\\x3cscript\\x3e${CODE}\\x3c/script\\x3e`, `+ADw-script+AD4-${CODE}+ADw-/script+AD4-`, `\uff1cscript\uff1e${CODE}\uff1c/script\uff1e`, `<\u0000script>${CODE}</script>`, `<scr\u0000ipt>${CODE}</script>`, `<s\u0131cript>${CODE}</script>`, `<!--<script>${CODE}</script>-->`, `<![CDATA[<script>${CODE}</script>]]>`, `<?xml-stylesheet href="javascript:${CODE}"?>`, `<!DOCTYPE x [<!ENTITY y "<script>${CODE}</script>">]>&y;`, `\u202e<script>${CODE}</script>`, `\u001b]8;;javascript:${CODE}\u0007x\u001b]8;;\u0007`, `\r\nContent-Type: text/html\r\n\r\n<script>${CODE}</script>`, `';DROP TABLE event;--<img src=x onerror=${CODE}>`, `%00<script>${CODE}</script>`, `\ud800<script>${CODE}</script>`.toWellFormed(),
];

const DISGUISES = [
  (text) => text.replace(/<(\w+)/gu, (_, name) => `<${[...name].map((c, at) => (at % 2 ? c.toUpperCase() : c)).join("")}`),
  (text) => text.replaceAll(" ", "/"),
  (text) => text.replaceAll("=", "\u000c=\u000c"),
  (text) => text.replace("<", "<<"),
  (text) => text.replaceAll("hit()", "hit&lpar;&rpar;"),
  (text) => text.replaceAll("hit()", "window['h'+'it']()"),
  (text) => `${"A".repeat(300)}${text}`,
];

export const CORPUS = (() => {
  const all = [...ELEMENTS, ...ADDRESSES, ...PLACES];
  ELEMENTS.forEach((element, at) => all.push(`${BREAKS[at % BREAKS.length]}${element}`));
  ELEMENTS.forEach((element, at) => all.push(DISGUISES[at % DISGUISES.length](element)));
  ELEMENTS.forEach((element, at) => all.push(`${BREAKS[(at * 7 + 3) % BREAKS.length]}${DISGUISES[(at * 3 + 1) % DISGUISES.length](element)}`));
  return [...new Set(all)];
})();
