// The collector of traces as the settings name it, and its headers, which stand in a file of their own: they may hold a key.
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { fault } from '../../base/faults.ts'
import { parseHeaderLines } from '../../base/header-lines.ts'
import { Secret } from '../../base/secret.ts'
import type { Collector } from './otlp.ts'

export const tracesSettings = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/ }),
  headersFile: z.string().max(4096).startsWith('/').exactOptional(),
})
export type TracesSettings = z.output<typeof tracesSettings>

export const readCollector = async (settings: TracesSettings, version: string): Promise<Collector> => ({
  url: tracesUrl(settings.endpoint),
  headers: settings.headersFile === undefined ? new Map() : await readHeaders(settings.headersFile),
  version,
})

/** As the exporters of OpenTelemetry do: the endpoint is the address of the collector, the signal has its own path. */
export const tracesUrl = (endpoint: string): string => {
  const url = new URL(endpoint)
  if (!url.pathname.endsWith('/v1/traces')) url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
  return url.href
}

/** `Name: value`, one a line. */
const readHeaders = async (path: string): Promise<ReadonlyMap<string, Secret<string>>> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fault('E_CONFIG_INVALID', { public: `traces.headersFile: ${path} cannot be read`, cause })
  })
  const parsed = parseHeaderLines(text)
  if (!parsed.ok)
    throw fault('E_CONFIG_INVALID', { public: `traces.headersFile: line ${parsed.line} is no header` })
  return new Map(parsed.headers.map(([name, value]) => [name, new Secret(value)]))
}
