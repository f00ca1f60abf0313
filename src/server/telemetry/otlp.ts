// Spans to a collector: OTLP over HTTP in its JSON form (OpenTelemetry protocol 1.x), a bounded number in one request. The
// address and its headers are the operator's. Redirects are refused: a header with a key goes where the settings say.
import { fault } from '../../base/faults.ts'
import type { Secret } from '../../base/secret.ts'
import { limits } from '../limits.ts'
import type { Span } from './spans.ts'

export type Collector = {
  /** The address that takes traces, with its path. */
  readonly url: string
  readonly headers: ReadonlyMap<string, Secret<string>>
  readonly version: string
}

/** A fault unless the collector took all of them. */
export const sendSpans = async (collector: Collector, spans: readonly Span[]): Promise<void> => {
  const { spansPerRequest } = limits.telemetry
  for (let from = 0; from < spans.length; from += spansPerRequest)
    await post(collector, encodeSpans(spans.slice(from, from + spansPerRequest), collector.version))
}

const post = async ({ url, headers }: Collector, body: unknown): Promise<void> => {
  const words = [...headers].map(
    ([name, value]) => [name, value.reveal('to the collector of traces')] as const,
  )
  try {
    const answer = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: { ...Object.fromEntries(words), 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(limits.telemetry.exportMs),
    })
    await answer.body?.cancel()
    if (!answer.ok) throw new Error(`it answered ${answer.status}`)
  } catch (cause) {
    throw fault('E_COLLECTOR', { detail: `traces to ${new URL(url).host}`, cause })
  }
}

const kinds = { internal: 1, server: 2 } as const
const statusError = { code: 2 }

export const encodeSpans = (spans: readonly Span[], version: string): unknown => ({
  resourceSpans: [
    {
      resource: { attributes: attributesOf({ 'service.name': 'mayfly', 'service.version': version }) },
      scopeSpans: [{ scope: { name: 'mayfly.runs', version }, spans: spans.map(encodeSpan) }],
    },
  ],
})

const encodeSpan = (span: Span) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
  name: span.name,
  kind: kinds[span.kind],
  startTimeUnixNano: nanoseconds(span.start),
  endTimeUnixNano: nanoseconds(span.end),
  attributes: attributesOf(span.attributes),
  ...(span.links.length === 0 ? {} : { links: span.links }),
  status: span.isError ? statusError : {},
})

const nanoseconds = (at: Date): string => `${at.getTime()}000000`

const attributesOf = (attributes: Span['attributes']) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: `${value}` } : { stringValue: value },
  }))
