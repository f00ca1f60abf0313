// What a release compiles with, in one word: its compile program and the Node that runs it. Plans of the same are
// interchangeable, because compiling depends on nothing else but its inputs.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** null in a clone that runs from its source files: there is no program to name. */
export const compilerId = async (program: string): Promise<string | null> => {
  if (program.endsWith('.ts')) return null
  const file = await readFile(new URL('./compile.js', program))
  return createHash('sha256').update(file).update(process.version).digest('hex')
}
