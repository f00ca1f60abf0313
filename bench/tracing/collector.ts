// A collector of traces on loopback, as the settings of the installation name one: what OpenTelemetry's protocol brings over
// HTTP as JSON, kept until somebody asks.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Span } from './waterfall.ts'

export type Collector = {
  readonly endpoint: string
  /** The spans of each run, the one that began last at the end. */
  readonly traces: () => readonly (readonly Span[])[]
  readonly close: () => void
}

type Sent = {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[]
  }[]
}

type SentSpan = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
}

export const openCollector = async (): Promise<Collector> => {
  const byTrace = new Map<string, Span[]>()
  const keep = async (request: IncomingMessage): Promise<void> => {
    const { resourceSpans } = JSON.parse(await text(request)) as Sent
    for (const { spans } of resourceSpans.flatMap(({ scopeSpans }) => scopeSpans))
      for (const span of spans)
        byTrace.set(span.traceId, [...(byTrace.get(span.traceId) ?? []), toSpan(span)])
  }
  const server = createServer((request, response) => {
    keep(request).then(
      () => response.end('{}'),
      () => response.writeHead(400).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    traces: () => [...byTrace.values()].toSorted((a, b) => beginOf(a) - beginOf(b)),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const beginOf = (spans: readonly Span[]): number => Math.min(...spans.map(({ start }) => start))

const toSpan = (span: SentSpan): Span => ({
  id: span.spanId,
  parent: span.parentSpanId ?? null,
  name: span.name,
  start: toMs(span.startTimeUnixNano),
  end: toMs(span.endTimeUnixNano),
})

const toMs = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1_000_000n)
