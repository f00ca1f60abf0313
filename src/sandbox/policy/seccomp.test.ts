// The independent checks of isolation.md §9.3: a classic BPF interpreter against a direct reading of the JSON on a
// grid of arguments, the same grid against libseccomp, and golden digests.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { run } from '../../sys/index.ts'
import {
  compileSeccomp,
  loadProfile,
  numbersOf,
  profiles,
  type SeccompArch,
  type SeccompProfile,
  type SeccompProfileName,
} from './seccomp.ts'

const archs: readonly SeccompArch[] = ['x86_64', 'aarch64']
const names: readonly SeccompProfileName[] = ['strict', 'userns']
const audit: Record<SeccompArch, number> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 }
const allow = 0x7fff0000
const refuse = (errno: number): number => 0x00050000 | errno

type Call = { nr: number; arch: number; args: readonly bigint[] }

/** `struct seccomp_data`, little endian. */
const data = ({ nr, arch, args }: Call): DataView => {
  const view = new DataView(new ArrayBuffer(64))
  view.setUint32(0, nr >>> 0, true)
  view.setUint32(4, arch, true)
  args.forEach((argument, i) => {
    view.setBigUint64(16 + 8 * i, BigInt.asUintN(64, argument), true)
  })
  return view
}

/** Only what the kernel's checker would accept: unknown opcodes and jumps past the end are errors. */
const interpret = (program: Uint8Array, input: DataView): number => {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  let a = 0
  for (let pc = 0; pc < program.length / 8; pc++) {
    const [code, jt, jf, k] = [
      view.getUint16(8 * pc, true),
      view.getUint8(8 * pc + 2),
      view.getUint8(8 * pc + 3),
      view.getUint32(8 * pc + 4, true),
    ]
    if (code === 0x20) a = input.getUint32(k, true)
    else if (code === 0x54) a = (a & k) >>> 0
    else if (code === 0x05) pc += k
    else if (code === 0x15) pc += a === k ? jt : jf
    else if (code === 0x35) pc += a >= k ? jt : jf
    else if (code === 0x25) pc += a > k ? jt : jf
    else if (code === 0x45) pc += (a & k) !== 0 ? jt : jf
    else if (code === 0x06) return k
    else assert.fail(`opcode ${code} at ${pc}`)
  }
  return assert.fail('ran off the end')
}

/** The JSON read directly, sharing no code with the compiler. */
const evaluator = (profile: SeccompProfile, arch: SeccompArch): ((call: Call) => number) => {
  const rulesOf = new Map(
    Object.entries(numbersOf(arch)).map(([name, nr]) => [
      nr,
      profile.syscalls.filter((rule) => rule.names.includes(name)),
    ]),
  )
  return ({ nr, args }) => {
    const rules = rulesOf.get(nr)
    if (rules === undefined) return refuse(38)
    const holds = rules.find((rule) =>
      (rule.args ?? []).every((argument) => {
        const actual = BigInt.asUintN(64, args[argument.index] ?? 0n)
        return argument.op === 'SCMP_CMP_EQ'
          ? actual === BigInt(argument.value)
          : (actual & BigInt(argument.value)) === BigInt(argument.valueTwo ?? 0)
      }),
    )
    if (holds === undefined) return refuse(profile.defaultErrnoRet)
    return holds.action === 'SCMP_ACT_ALLOW' ? allow : refuse(holds.errnoRet ?? 0)
  }
}

const interesting: readonly bigint[] = [
  ...[0, 1, 2, 3, 5, 6, 8, 10, 15, 16, 17, 38, 40].map(BigInt),
  ...[0x20000, 0x20008, 0x40000, 0x800, 0x80001, 0x80802].map(BigInt),
  ...[0x5411, 0x5412, 0x5413, 0x541b, 0x541c, 0x541d, 0x5422, 0x5423, 0x5424].map(BigInt),
  ...[0x1000, 0x2000, 0x6000, 0x8000, 0xc000, 0x10000000, 0x02000000].map(BigInt),
  0xffff_ffffn,
  0x1_0000_5412n,
  0xffff_ffff_ffff_ffffn,
]
const protocols: readonly bigint[] = [0n, 6n, 17n, 132n, 262n, 0x1_0000_0000n]

const isConditional = (profile: SeccompProfile, arch: SeccompArch, nr: number): boolean =>
  profile.syscalls.some(
    (rule) => rule.args !== undefined && rule.names.some((name) => numbersOf(arch)[name] === nr),
  )

function* grid(profile: SeccompProfile, arch: SeccompArch): Generator<Call> {
  for (let nr = 0; nr <= 600; nr++)
    if (!isConditional(profile, arch, nr)) yield { nr, arch: audit[arch], args: [0n, 0n, 0n, 0n, 0n, 0n] }
    else
      for (const first of interesting)
        for (const second of interesting)
          for (const third of [...protocols, second])
            yield { nr, arch: audit[arch], args: [first, second, third, 0n, 0n, 0n] }
}

for (const name of names)
  for (const arch of archs)
    test(`${name} for ${arch} decides every call of the grid as the document reads`, () => {
      const program = loadProfile(name, arch)
      let cases = 0
      const differences: string[] = []
      const evaluate = evaluator(profiles[name], arch)
      for (const call of grid(profiles[name], arch)) {
        cases++
        const [got, want] = [interpret(program, data(call)), evaluate(call)]
        if (got !== want) differences.push(`${call.nr} ${call.args.join()} ${got} instead of ${want}`)
      }
      assert.deepEqual(differences, [])
      assert(cases > 30_000, `only ${cases} cases`)
    })

test('another architecture is killed, x32 and numbers beyond the table answer ENOSYS', () => {
  const program = loadProfile('strict', 'x86_64')
  const zero = [0n, 0n, 0n, 0n, 0n, 0n]
  assert.equal(interpret(program, data({ nr: 0, arch: 0x40000003, args: zero })), 0x80000000)
  assert.equal(interpret(program, data({ nr: 0, arch: audit.aarch64, args: zero })), 0x80000000)
  for (const nr of [472, 600, 0x40000000, 0x40000110, 0xffffffff])
    assert.equal(interpret(program, data({ nr, arch: audit.x86_64, args: zero })), refuse(38), `${nr}`)
})

test('userns differs from strict by clone, setns and unshare only', () => {
  for (const arch of archs) {
    const [strict, userns] = [loadProfile('strict', arch), loadProfile('userns', arch)]
    const different = new Set<number>()
    for (const call of grid(profiles.strict, arch))
      if (interpret(strict, data(call)) !== interpret(userns, data(call))) different.add(call.nr)
    const numbers = numbersOf(arch)
    assert.deepEqual(
      [...different].sort((a, b) => a - b),
      ['clone', 'setns', 'unshare'].map((name) => Number(numbers[name])).sort((a, b) => a - b),
    )
  }
})

const profileWith = (rule: object): SeccompProfile =>
  ({ ...profiles.strict, syscalls: [...profiles.strict.syscalls, rule] }) as SeccompProfile

test('what the compiler does not understand stops it', () => {
  const refused: readonly (readonly [RegExp, object])[] = [
    [/unknown system call/, { names: ['nosuchcall'], action: 'SCMP_ACT_ALLOW' }],
    [/'SCMP_ACT_LOG'/, { names: ['mount'], action: 'SCMP_ACT_LOG' }],
    [/refused and allowed/, { names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
    [/mount: errnoRet/, { names: ['mount'], action: 'SCMP_ACT_ERRNO', errnoRet: 0 }],
    [/mount: errnoRet/, { names: ['mount'], action: 'SCMP_ACT_ERRNO', errnoRet: 4096 }],
    [
      /refused and allowed/,
      { names: ['clone3'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 0, op: 'SCMP_CMP_EQ' }] },
    ],
    [
      /operator/,
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 0, op: 'SCMP_CMP_NE' }] },
    ],
    [
      /argument index/,
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] },
    ],
    [
      /argument value/,
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 2 ** 60, op: 'SCMP_CMP_EQ' }] },
    ],
    [
      /argument named twice/,
      {
        names: ['mount'],
        action: 'SCMP_ACT_ALLOW',
        args: [
          { index: 0, value: 1, op: 'SCMP_CMP_EQ' },
          { index: 0, value: 2, op: 'SCMP_CMP_EQ' },
        ],
      },
    ],
  ]
  for (const [why, rule] of refused)
    assert.throws(() => compileSeccomp(profileWith(rule), 'x86_64'), why, JSON.stringify(rule))
  const other: readonly (readonly [RegExp, object])[] = [
    [/'SCMP_ACT_ALLOW'/, { defaultAction: 'SCMP_ACT_ALLOW' }],
    [/38 !== 1/, { defaultErrnoRet: 38 }],
    [/no rules for x86_64/, { architectures: ['SCMP_ARCH_AARCH64'] }],
  ]
  for (const [why, changes] of other)
    assert.throws(() => compileSeccomp({ ...profiles.strict, ...changes } as SeccompProfile, 'x86_64'), why)
})

// Changing a profile changes these: review the difference by hand, then write the new digest.
const golden: Record<
  `${SeccompProfileName} ${SeccompArch}`,
  readonly [instructions: number, sha256: string]
> = {
  'strict x86_64': [452, '6dbc58c07b717a61e67cc1940db455226a1aacc370d8fbe551c3e66eea0641cd'],
  'strict aarch64': [427, '0c282e78b99a07b87ffd01114735fcb726c4321f19a447d20f7cd9200886fa33'],
  'userns x86_64': [436, 'b38902db233adac83bf3ae9f2aaa353e0768097384712b0e47f7b7e57b0461ab'],
  'userns aarch64': [413, 'c32aa3901d4649dab90b98da0d2f700b6c32ee4188ba5cfbc5c7d3f902fb49a5'],
}
test('the compiled bytes are the reviewed ones', () => {
  for (const name of names)
    for (const arch of archs) {
      const bytes = loadProfile(name, arch)
      const digest = createHash('sha256').update(bytes).digest('hex')
      assert.deepEqual([bytes.length / 8, digest], golden[`${name} ${arch}`], `${name} ${arch}`)
    }
})

// libseccomp 2.5.4 cannot name these, so it leaves them at the default; unassigned numbers are EPERM there.
const newerThanLibseccomp = [
  'uretprobe',
  'statmount',
  'listmount',
  'mseal',
  'setxattrat',
  'getxattrat',
  'listxattrat',
  'removexattrat',
]
const compileWithLibseccomp = `
import sys, json, seccomp
p = json.load(open(sys.argv[1])); arch = sys.argv[2]
f = seccomp.SyscallFilter(seccomp.ERRNO(1))
f.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)
if arch != 'x86_64':
    f.add_arch(seccomp.Arch.AARCH64); f.remove_arch(seccomp.Arch.X86_64)
OPS = {'SCMP_CMP_EQ': seccomp.EQ, 'SCMP_CMP_MASKED_EQ': seccomp.MASKED_EQ}
for r in p['syscalls']:
    act = seccomp.ALLOW if r['action'] == 'SCMP_ACT_ALLOW' else seccomp.ERRNO(r['errnoRet'])
    for n in r['names']:
        args = [seccomp.Arg(a['index'], OPS[a['op']], a['value'], a.get('valueTwo', 0)) for a in r.get('args', [])]
        try: f.add_rule_exactly(act, n, *args) if arch == 'x86_64' else f.add_rule(act, n, *args)
        except Exception: sys.stderr.write(n + '\\n')
f.export_bpf(sys.stdout)
`

test('libseccomp compiles the same profile to the same decisions', async (t) => {
  const python = '/usr/bin/python3'
  const probe = existsSync(python)
    ? await run(python, ['-c', 'import seccomp'], { timeoutMs: 20_000 })
    : { code: 127 }
  if (probe.code !== 0) return t.skip('python3-seccomp is not installed: nothing to compare with')
  for (const name of names)
    for (const arch of archs) {
      const path = new URL(`./seccomp/${name}.json`, import.meta.url).pathname
      const made = await run(python, ['-c', compileWithLibseccomp, path, arch], { timeoutMs: 20_000 })
      assert.equal(made.code, 0, made.stderr.toString())
      const theirs = new Uint8Array(made.stdout)
      const ours = loadProfile(name, arch)
      const numbers = numbersOf(arch)
      const assigned = new Set(Object.values(numbers))
      const skip = new Set(newerThanLibseccomp.map((call) => numbers[call]))
      for (const call of grid(profiles[name], arch)) {
        if (skip.has(call.nr)) continue
        const [a, b] = [interpret(ours, data(call)), interpret(theirs, data(call))]
        const wanted = assigned.has(call.nr) ? a : refuse(1)
        if (b !== wanted)
          assert.fail(`${name} ${arch} ${call.nr}(${call.args.join()}): ours ${a}, theirs ${b}`)
      }
    }
})
