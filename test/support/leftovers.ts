// What an installation could leave on a machine: processes, mounts, network namespaces, cgroups, run directories.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Everything that carries the data or run directory of the installation, in words; empty when nothing is left. */
export const findLeftovers = (places: {
  readonly data: string
  readonly run: string
  readonly installation?: string
}): string[] => [
  ...processesNaming([places.data, places.run]).map(({ pid, line }) => `process ${pid}: ${line}`),
  ...readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(places.run))
    .map((line) => `mount: ${line}`),
  ...(existsSync(places.run) ? [`directory: ${places.run} with ${readdirSync(places.run).join(', ')}`] : []),
  ...(places.installation === undefined ? [] : cgroupsOf(places.installation)),
]

/** The 16 hexadecimal digits that name an installation in cgroups and namespaces. */
export const installationName = (data: string): string =>
  readFileSync(join(`${data}-etc`, 'installation'), 'utf8').trim()

/** Live processes whose command line contains one of the texts. */
export const processesNaming = (texts: readonly string[]): { pid: number; line: string }[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const line = readQuietly(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim()
      return texts.some((text) => line.includes(text)) ? [{ pid: Number(name), line }] : []
    })

/** Groups of others that vanish while it walks are an error to find and none to us. */
const cgroupsOf = (installation: string): string[] =>
  spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*${installation}*`], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((path) => path !== '')
    .map((path) => `cgroup: ${path}`)

const readQuietly = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
