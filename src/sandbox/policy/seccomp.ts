// seccomp profiles and their compiler (isolation.md §9): an OCI `linux.seccomp` document in, classic BPF out.
// The jailer hands the bytes to bubblewrap by descriptor. Must never widen: what it does not understand is an error.
// Every jump is forward and relative, so programs are built by concatenation and need no labels.
import assert from 'node:assert/strict'
import strict from './seccomp/strict.json' with { type: 'json' }
import syscallNumbers from './seccomp/syscalls.json' with { type: 'json' }
import userns from './seccomp/userns.json' with { type: 'json' }

export type SeccompArch = 'x86_64' | 'aarch64'
export type SeccompProfileName = 'strict' | 'userns'

export type SeccompArgument = {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: string
}
export type SeccompRule = {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  readonly args?: readonly SeccompArgument[]
}
export type SeccompProfile = {
  readonly defaultAction: string
  readonly defaultErrnoRet: number
  readonly architectures: readonly string[]
  readonly syscalls: readonly SeccompRule[]
}

/** What happens to one number: always the same, or allowed when one of the rules holds in all its arguments. */
export type Outcome = number | readonly (readonly SeccompArgument[])[]

export const profiles: Readonly<Record<SeccompProfileName, SeccompProfile>> = { strict, userns }
export const numbersOf = (arch: SeccompArch): Readonly<Record<string, number>> => syscallNumbers[arch]

const auditArch: Record<SeccompArch, number> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 }
const killProcess = 0x80000000
const allow = 0x7fff0000
const errno = (number: number): number => 0x00050000 | number
const eperm = 1
const enosys = 38

/** The filter of a profile that comes with the product. */
export const loadProfile = (name: SeccompProfileName, arch: SeccompArch): Uint8Array =>
  compileSeccomp(profiles[name], arch)

/** An array of `struct sock_filter`, little endian, as `bwrap --seccomp` and seccomp(2) take it. */
export const compileSeccomp = (profile: SeccompProfile, arch: SeccompArch): Uint8Array => {
  const program = [
    load(4),
    jump(op.jeq, auditArch[arch], 1, 0),
    give(killProcess),
    load(0),
    ...search(runs(outcomes(profile, arch))),
  ]
  assert(program.length <= 4096, 'the kernel takes at most 4096 instructions')
  return encode(program)
}

/** Outcome by number; unassigned numbers answer ENOSYS, so that programs probing for new calls fall back. */
export const outcomes = (profile: SeccompProfile, arch: SeccompArch): readonly Outcome[] => {
  assert.equal(profile.defaultAction, 'SCMP_ACT_ERRNO')
  assert.equal(profile.defaultErrnoRet, eperm)
  assert(profile.architectures.includes(`SCMP_ARCH_${arch.toUpperCase()}`), `no rules for ${arch}`)
  const numbers = numbersOf(arch)
  const table: Outcome[] = Array(Math.max(...Object.values(numbers)) + 1).fill(errno(enosys))
  for (const number of Object.values(numbers)) table[number] = errno(eperm)
  for (const rule of profile.syscalls)
    for (const name of rule.names) {
      const number = numbers[name]
      if (number !== undefined) table[number] = combine(table[number], rule, name)
      else assert(isKnown(name), `unknown system call ${name}`)
    }
  return table
}

const isKnown = (name: string): boolean => Object.values(syscallNumbers).some((numbers) => name in numbers)

/** Rules of one call are alternatives. A refusal beside an allowance would be a question of order: not accepted. */
const combine = (before: Outcome | undefined, rule: SeccompRule, name: string): Outcome => {
  if (rule.action === 'SCMP_ACT_ERRNO') {
    assert(before === errno(eperm) && rule.args === undefined, `${name}: refused and allowed`)
    assert(rule.errnoRet !== undefined && rule.errnoRet > 0 && rule.errnoRet < 4096, `${name}: errnoRet`)
    return errno(rule.errnoRet)
  }
  assert.equal(rule.action, 'SCMP_ACT_ALLOW')
  if (before === allow || rule.args === undefined) return allow
  assert(typeof before === 'object' || before === errno(eperm), `${name}: refused and allowed`)
  rule.args.forEach(checkArgument)
  return [...(typeof before === 'object' ? before : []), rule.args]
}

const checkArgument = (
  argument: SeccompArgument,
  position: number,
  all: readonly SeccompArgument[],
): void => {
  assert(argument.op === 'SCMP_CMP_EQ' || argument.op === 'SCMP_CMP_MASKED_EQ', `operator ${argument.op}`)
  assert(Number.isInteger(argument.index) && argument.index >= 0 && argument.index < 6, 'argument index')
  assert(Number.isSafeInteger(argument.value) && argument.value >= 0, 'argument value')
  // libseccomp refuses two conditions on one argument and runc turns them into OR: never write them.
  assert(all.findIndex((other) => other.index === argument.index) === position, 'argument named twice')
}

type Run = { readonly from: number; readonly outcome: Outcome }

const runs = (table: readonly Outcome[]): Run[] => [
  ...table
    .map((outcome, from) => ({ from, outcome }))
    .filter(({ from, outcome }) => from === 0 || typeof outcome === 'object' || outcome !== table[from - 1]),
  // Above the table: newer calls, and everything of x32, whose numbers have bit 30 set.
  { from: table.length, outcome: errno(enosys) },
]

type Instruction = { readonly code: number; readonly jt: number; readonly jf: number; readonly k: number }

const op = { load: 0x20, and: 0x54, ja: 0x05, jeq: 0x15, jge: 0x35, give: 0x06 } as const
const load = (offset: number): Instruction => ({ code: op.load, jt: 0, jf: 0, k: offset })
const give = (value: number): Instruction => ({ code: op.give, jt: 0, jf: 0, k: value })
const jump = (code: number, k: number, jt: number, jf: number): Instruction => ({ code, jt, jf, k })

/** The number is in the accumulator when this starts. */
const search = (all: readonly Run[]): Instruction[] => {
  const [first, ...rest] = all
  assert(first !== undefined)
  if (rest.length === 0) return decide(first.outcome)
  const middle = all.length >> 1
  const pivot = all[middle]?.from ?? 0
  const low = search(all.slice(0, middle))
  const high = search(all.slice(middle))
  const far = low.length > 255 // jt is one byte; JA has four
  const head = far
    ? [jump(op.jge, pivot, 0, 1), jump(op.ja, low.length, 0, 0)]
    : [jump(op.jge, pivot, low.length, 0)]
  return [...head, ...low, ...high]
}

const decide = (outcome: Outcome): Instruction[] =>
  typeof outcome === 'number' ? [give(outcome)] : [...outcome.flatMap(tryRule), give(errno(eperm))]

/** Allows when every argument fits, else falls through to what follows. */
const tryRule = (args: readonly SeccompArgument[]): Instruction[] =>
  args
    .flatMap(halves)
    .reduceRight<Instruction[]>((after, half) => compare(half, after.length).concat(after), [give(allow)])

type Half = { readonly offset: number; readonly mask: number; readonly want: number }

/** Arguments are 64 bits, the machine has 32: low and high half; a half that the mask ignores is not looked at. */
const halves = ({ index, value, valueTwo, op: operator }: SeccompArgument): Half[] => {
  const masked = operator === 'SCMP_CMP_MASKED_EQ'
  const mask = masked ? BigInt(value) : 0xffff_ffff_ffff_ffffn
  const want = BigInt(masked ? (valueTwo ?? 0) : value)
  return [0n, 1n]
    .map((part) => ({
      offset: 16 + 8 * index + 4 * Number(part),
      mask: Number((mask >> (32n * part)) & 0xffff_ffffn),
      want: Number((want >> (32n * part)) & 0xffff_ffffn),
    }))
    .filter((half) => half.mask !== 0)
}

const compare = ({ offset, mask, want }: Half, skip: number): Instruction[] => [
  load(offset),
  ...(mask === 0xffff_ffff ? [] : [jump(op.and, mask, 0, 0)]),
  jump(op.jeq, want, 0, skip),
]

const encode = (program: readonly Instruction[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(8 * program.length))
  program.forEach(({ code, jt, jf, k }, at) => {
    view.setUint16(8 * at, code, true)
    view.setUint8(8 * at + 2, jt)
    view.setUint8(8 * at + 3, jf)
    view.setUint32(8 * at + 4, k, true)
  })
  return new Uint8Array(view.buffer)
}
