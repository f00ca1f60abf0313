// The `docker` list: the first container is where the steps run, the others are services.

import type { JobSpec } from '../../../protocol/plan.ts'
import { entryOf, type MapNode, type SourceNode } from '../../source/node.ts'
import { readList, readMap, readName, warnUnknownKeys } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { type EnvMap, readEnvironment, toEnv } from './environment.ts'
import { createKeeper } from './keeper.ts'

export type Containers = {
  readonly image: JobSpec['image']
  readonly services: JobSpec['services']
  /** Of the primary container: below the job's own environment. */
  readonly env: EnvMap
}

const notCarriedOut = ['entrypoint', 'command', 'user', 'auth', 'aws_auth', 'gcp_auth'] as const
export const containerKeys = new Set(['image', 'name', 'environment', ...notCarriedOut])

/** What a runner of this version does instead of pulling an image. */
export const hostTools = "the job runs with the machine's own tools, read-only: images are not pulled yet"

export const readDocker = (cx: Compiling, node: SourceNode): Containers | null => {
  const list = readList(cx.problems, node, '"docker"')
  if (!list) return null
  const containers = list.items.map((item) => keptContainers(cx, item, () => readContainer(cx, item)))
  const [primary, ...services] = containers
  if (primary === undefined) {
    cx.problems.add('E_JOB_KIND', list, '"docker" is empty', 'list at least one image')
    return null
  }
  if (!primary) return null
  cx.problems.constructs?.judge(imageOf(primary.map), 'translated', hostTools)
  return {
    image: cx.origins.mark({ kind: 'container' as const, ref: primary.ref }, primary.map),
    services: services.flatMap(
      (service) => (service && keptServices(cx, service.map, () => toService(cx, service))) ?? [],
    ),
    env: primary.env,
  }
}

type Service = JobSpec['services'][number]

type Container = {
  readonly map: MapNode
  readonly ref: string
  readonly name: string | null
  readonly env: EnvMap
}

const keptContainers = createKeeper<Container>()
const keptServices = createKeeper<Service>()

const readContainer = (cx: Compiling, node: SourceNode): Container | null => {
  const map = readMap(cx.problems, node, 'an entry of "docker"')
  if (!map) return null
  warnUnknownKeys(cx.problems, map, containerKeys, 'a container')
  for (const key of notCarriedOut)
    if (entryOf(map, key))
      cx.problems.add(
        'W_NOT_CARRIED_OUT',
        map.entries.get(key)?.key ?? map,
        `"${key}" of a container is not carried out yet`,
      )
  const imageNode = entryOf(map, 'image')
  if (!imageNode) {
    cx.problems.add('E_KEY_MISSING', map, 'a container needs an "image"')
    return null
  }
  const ref = readName(cx.problems, imageNode, '"image"')
  const nameNode = entryOf(map, 'name')
  const name = nameNode && readName(cx.problems, nameNode, '"name"')
  const env = readEnvironment(cx, entryOf(map, 'environment'))
  return ref === null ? null : { map, ref, name, env }
}

const imageOf = (map: MapNode) => map.entries.get('image')?.key ?? map

/** A runner refuses the job (runner/sandbox-spec.ts). */
const warnOfService = ({ problems }: Compiling, map: MapNode): void => {
  const message = 'service containers are not started yet; the job fails before it begins, and says so'
  const help = 'start the service in a "run" step with "background: true"'
  problems.add('W_STEP_REFUSED', imageOf(map), message, help)
}

/** A service without a name is reached on `localhost`; its image's short name stands in, for people. */
const toService = (cx: Compiling, { map, ref, name, env }: Container): Service => {
  warnOfService(cx, map)
  return cx.origins.mark({ name: name ?? shortName(ref), ref, env: toEnv(env) }, map)
}

const shortName = (ref: string): string => {
  const last = ref.slice(ref.lastIndexOf('/') + 1)
  return last.split(/[:@]/, 1)[0] || ref
}
