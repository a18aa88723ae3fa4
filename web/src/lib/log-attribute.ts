// How logs are asked for by an attribute. Apart from the panel of facets, because issues and traces need no more than this. Pure.

import { withTerm } from "./query-text";

/** An attribute by a name as it was sent, whatever keys of ours are called. */
export const attributeKey = (name: string): string => `tags[${/^[\p{L}\p{N}_./ -]+$/u.test(name) && name.trim() === name ? name : `"${name.replaceAll(/[\\"]/gu, "\\$&")}"`}]`;

/** The search of logs with an attribute of this value. */
export const withAttribute = (text: string, name: string, value: string): string => withTerm(text, attributeKey(name), value);
