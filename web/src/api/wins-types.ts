// Of the lookup of a span by its id alone, until it is among the generated types.

export type SpanPlaceView = { trace_id: string; span_id: string; name: string };
