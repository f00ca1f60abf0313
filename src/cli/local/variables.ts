// Variables from the command line: `KEY=VALUE` words and env files. Values are taken as they are.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import type { Env } from '../../protocol/plan.ts'

export const readVariables = async (cwd: string, path: string): Promise<Env> => {
  const text = await readFile(resolve(cwd, path), 'utf8').catch((cause: unknown) => {
    throw fault('E_INPUT', { public: `${path} cannot be read`, cause })
  })
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
  return parseVariables(lines, path)
}

export const parseVariables = (words: readonly string[], where: string): Env =>
  words.map((word) => {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=([^\0]*)$/s.exec(word)
    // The value may be a secret: the message names only what stands before it.
    if (match?.[1] === undefined)
      throw fault('E_INPUT', { public: `${where}: "${word.split('=')[0]}" is not of the form KEY=VALUE` })
    return [match[1], match[2] ?? ''] as const
  })
