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

/** What a collector would answer with every time: by the protocol it is not asked again (OTLP/HTTP, "Failures"). */
const refusals = [400, 413]

/** `refused`: some of them, for good. A fault when they may be taken another time. */
export const sendSpans = async (
  collector: Collector,
  spans: readonly Span[],
): Promise<'taken' | 'refused'> => {
  const { spansPerRequest } = limits.telemetry
  let outcome: 'taken' | 'refused' = 'taken'
  for (let from = 0; from < spans.length; from += spansPerRequest) {
    const some = encodeSpans(spans.slice(from, from + spansPerRequest), collector.version)
    if ((await post(collector, some)) === 'refused') outcome = 'refused'
  }
  return outcome
}

const post = async ({ url, headers }: Collector, body: unknown): Promise<'taken' | 'refused'> => {
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
    if (refusals.includes(answer.status)) return 'refused'
    if (!answer.ok) throw new Error(`it answered ${answer.status}`)
    return 'taken'
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
