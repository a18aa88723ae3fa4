// Five roles of syntax for Python and SQL, for the few lines around a frame and for queries. Text in, spans of text out.

export type Role = "keyword" | "string" | "number" | "name" | "comment" | null;
export type Token = { role: Role; text: string };

const PYTHON_KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda " +
    "nonlocal not or pass raise return try while with yield match case self cls").split(" "),
);

// Order matters: triple quotes before single, floats before names. An unclosed triple quote runs to the end of what we have.
const PYTHON =
  /(?<comment>#[^\n]*)|(?<string>(?:\b[rRbBuUfFtT]{1,2})?(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*(?:"|(?=\n)|$)|'(?:\\.|[^'\\\n])*(?:'|(?=\n)|$)))|(?<number>\b(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?j?)\b)|(?<decorator>(?<=^|\n)[ \t]*@[\w.]+)|(?<word>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)/g;

export function python(source: string): Token[] {
  const out: Token[] = [];
  let previous = "";
  scan(source, PYTHON, out, (groups, after) => {
    if (groups.comment !== undefined) return "comment";
    if (groups.string !== undefined) return "string";
    if (groups.number !== undefined) return "number";
    if (groups.decorator !== undefined) return "name";
    const word = groups.word ?? "";
    const role: Role = PYTHON_KEYWORDS.has(word)
      ? "keyword"
      : previous === "def" || previous === "class" || after === "("
        ? "name"
        : null;
    previous = word;
    return role;
  });
  return out;
}

const SQL_KEYWORDS = new Set(
  ("select from where and or not in is null as on join left right inner outer full cross group by order having limit offset insert into values " +
    "update set delete create table index drop alter add distinct union all exists between like ilike case when then else end asc desc returning " +
    "with begin commit rollback savepoint release for using primary key references default true false over partition interval").split(" "),
);

const SQL =
  /(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>'(?:''|[^'])*(?:'|$))|(?<quoted>"[^"]*"|`[^`]*`)|(?<number>\b\d+(?:\.\d+)?\b)|(?<placeholder>%s|%\(\w+\)s|\$\d+|\?)|(?<word>[A-Za-z_]\w*)/g;

export function sql(source: string): Token[] {
  const out: Token[] = [];
  scan(source, SQL, out, (groups, after) => {
    if (groups.comment !== undefined) return "comment";
    if (groups.string !== undefined) return "string";
    if (groups.number !== undefined || groups.placeholder !== undefined) return "number";
    if (groups.quoted !== undefined) return null;
    const word = groups.word ?? "";
    if (SQL_KEYWORDS.has(word.toLowerCase())) return "keyword";
    return after === "(" ? "name" : null;
  });
  return out;
}

function scan(
  source: string,
  pattern: RegExp,
  out: Token[],
  roleOf: (groups: Record<string, string | undefined>, after: string) => Role,
): void {
  const push = (role: Role, text: string) => {
    const last = out[out.length - 1];
    if (last && last.role === role && role === null) last.text += text;
    else if (text !== "") out.push({ role, text });
  };
  let end = 0;
  for (const match of source.matchAll(pattern)) {
    const at = match.index;
    push(null, source.slice(end, at));
    end = at + match[0].length;
    push(roleOf(match.groups ?? {}, source[end] ?? ""), match[0]);
  }
  push(null, source.slice(end));
}

/** Tokens cut at line ends, so a string over three lines is three tokens in three lines. */
export function lines(tokens: Token[]): Token[][] {
  const out: Token[][] = [[]];
  for (const { role, text } of tokens) {
    const parts = text.split("\n");
    for (const [index, part] of parts.entries()) {
      if (index > 0) out.push([]);
      if (part !== "") out[out.length - 1]?.push({ role, text: part });
    }
  }
  return out;
}

const CLAUSE =
  /\s+(?=(?:SELECT|FROM|WHERE|(?:LEFT |RIGHT |INNER |FULL |CROSS )(?:OUTER )?JOIN|JOIN|GROUP BY|ORDER BY|HAVING|LIMIT|OFFSET|VALUES|SET|RETURNING|UNION)\b)/gi;

/** A query with its clauses on lines of their own. Leaves text in quotes alone. */
export function prettySql(query: string): string {
  const kept: string[] = [];
  const safe = query.trim().replace(/'(?:''|[^'])*'|"[^"]*"/g, (quoted) => `\u0001${kept.push(quoted) - 1}\u0001`);
  const folded = safe
    .replace(/\s+/g, " ")
    .replace(CLAUSE, "\n")
    .replace(/(?<!BETWEEN \S{1,60}) (?=(?:AND|OR) )/g, "\n  ");
  // A JOIN keeps its qualifier: "LEFT OUTER\nJOIN" is one clause.
  const joined = folded.replace(/\b((?:LEFT|RIGHT|INNER|FULL|CROSS)(?: OUTER)?)\n(JOIN)/gi, "$1 $2");
  // eslint-disable-next-line no-control-regex
  return joined.replace(/\u0001(\d+)\u0001/g, (_, index: string) => kept[Number(index)] ?? "");
}
