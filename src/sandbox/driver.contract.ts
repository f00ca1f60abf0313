// What every driver must do (isolation.md §1.3), as one suite that each driver's test calls. Titles are sentences about
// behaviour. A driver may leave out a case only with a written reason, which is printed.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable, Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFault } from '../base/faults.ts'
import { Secret } from '../base/secret.ts'
import type { Driver, Sandbox, SandboxSpec, StepSpec, Take } from './driver.ts'
import { contractSpec, contractStep, gather, type Ran, runIn } from './steps.contract.ts'

export type ContractOptions = {
  readonly open: () => Promise<{ driver: Driver; close(): Promise<void> }>
  /** Title of a case → why this driver cannot have it. */
  readonly skip?: Readonly<Record<string, string>>
  /** How many open/close cycles the leak test makes, and what counts leaks. */
  readonly cycles: number
  readonly leaks?: () => Promise<readonly string[]>
}

const onFirstOutput = (act: () => void): Writable =>
  new Writable({
    write: (_chunk, _encoding, done) => {
      act()
      done()
    },
  })

const soon = () => AbortSignal.timeout(30_000)
/** What `seq 1 COUNT` prints. */
const numbersTo = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, i) => `${i + 1}\n`).join(''))

export const driverContract = (name: string, options: ContractOptions): void => {
  describe(`${name} keeps the driver contract`, () => {
    let driver: Driver
    let closeDriver: () => Promise<void>
    before(async () => {
      const opened = await options.open()
      driver = opened.driver
      closeDriver = opened.close
    })
    after(async () => {
      await driver.close()
      await closeDriver()
    })
    const used = new Set<string>()
    const rule = (title: string, run: () => Promise<void>) => {
      const reason = options.skip?.[title]
      used.add(title)
      test(title, { skip: reason ?? false, timeout: 60_000 }, run)
    }
    const withSandbox = async (run: (sandbox: Sandbox) => Promise<void>, spec: Partial<SandboxSpec> = {}) => {
      const sandbox = await driver.open({ ...contractSpec, ...spec }, soon())
      try {
        await run(sandbox)
      } finally {
        await sandbox.close('done')
      }
    }
    test('a left-out case exists', () => {
      for (const title of Object.keys(options.skip ?? {})) assert.ok(used.has(title), title)
    })

    rule('probe answers in words and sweep may be repeated', async () => {
      const probe = await driver.probe(soon())
      assert.ok(probe.ok, JSON.stringify(probe))
      assert.deepEqual((await driver.sweep(soon())).stuck, [])
      assert.deepEqual(await driver.sweep(soon()), { removed: [], stuck: [] })
    })

    rule('every exit code comes back', () =>
      withSandbox(async (sandbox) => {
        for (const code of [0, 1, 2, 42, 126, 127, 130, 143, 254, 255]) {
          const { result } = await runIn(
            sandbox,
            contractStep(`exit ${code}`, fake({ FAKE_EXIT_CODE: String(code) })),
          )
          assert.equal(result.kind, 'exit')
          assert.equal(result.kind === 'exit' && result.code, code)
        }
      }),
    )

    rule('output comes back in order, both streams apart', () =>
      withSandbox(async (sandbox) => {
        const step = contractStep(
          'echo one; echo two; echo bad >&2',
          fake({ FAKE_OUTPUT: 'one\ntwo\n', FAKE_STDERR: 'bad\n' }),
        )
        const { out, err } = await runIn(sandbox, step)
        assert.equal(out, 'one\ntwo\n')
        assert.equal(err, 'bad\n')
      }),
    )

    rule('a shell has what is before it and after it, and ends the step, the first as any other', () =>
      withSandbox(async (sandbox) => {
        const around = { before: 'echo "$1|$2"', after: 'echo done >&2', args: ['a b', "c'd"] }
        for (const shell of [null, ['/bin/sh', '-e'], null]) {
          const script = { ...around, shell, text: 'echo in; echo bad >&2; exit 7' }
          const step = contractStep('', {
            ...fake({ FAKE_OUTPUT: "a b|c'd\nin\nbad\n", FAKE_STDERR: 'done\n', FAKE_EXIT_CODE: '7' }),
            script,
          })
          const { result, out, err } = await runIn(sandbox, step)
          assert.deepEqual({ out, err }, { out: "a b|c'd\nin\nbad\n", err: 'done\n' })
          assert.equal(result.kind === 'exit' && result.code, 7)
        }
      }),
    )

    rule('the receipt is made once and says what was', async () => {
      const sandbox = await driver.open(contractSpec, soon())
      await runIn(sandbox, contractStep('exit 0'))
      const receipt = await sandbox.close('failed')
      assert.equal(await sandbox.close('done'), receipt)
      assert.equal(receipt.reason, 'failed')
      assert.equal(receipt.attempt, contractSpec.attempt)
      assert.equal(receipt.cells.length, 1)
      assert.deepEqual(receipt.limits, contractSpec.limits)
      assert.ok(receipt.gone.every((entry) => entry.ok))
    })

    rule('after an abort the step ends as cancelled', () =>
      withSandbox(async (sandbox) => {
        const abort = new AbortController()
        const step = contractStep('echo up; sleep 50', fake({ FAKE_OUTPUT: 'up\n', FAKE_SLEEP_MS: '50000' }))
        const seen = onFirstOutput(() => abort.abort())
        const begin = performance.now()
        const { result } = await runIn(sandbox, step, { stdout: seen }, abort.signal)
        assert.equal(result.kind, 'cancelled')
        assert.ok(performance.now() - begin < 10_000)
        assert.equal((await runIn(sandbox, contractStep('exit 0'))).result.kind, 'exit')
      }),
    )

    rule('what is used now can be read while a step runs', () =>
      withSandbox(async (sandbox) => {
        const abort = new AbortController()
        const up = Promise.withResolvers<void>()
        const step = contractStep('echo up; sleep 50', fake({ FAKE_OUTPUT: 'up\n', FAKE_SLEEP_MS: '50000' }))
        const ran = runIn(sandbox, step, { stdout: onFirstOutput(up.resolve) }, abort.signal)
        await up.promise
        const { processes, ramdisk, up: sent, down } = await sandbox.reading()
        assert.equal(processes !== null, driver.can.limits.includes('memory'), 'what is limited is counted')
        const figures = [processes?.memory ?? 0, processes?.cpuSeconds ?? 0, ramdisk, sent, down]
        assert.ok(figures.every((figure) => Number.isFinite(figure) && figure >= 0))
        if (processes !== null) assert.ok(processes.memory > 0 && processes.cpuSeconds > 0)
        abort.abort()
        await ran
      }),
    )

    rule('a step that outlives its deadline ends as such', () =>
      withSandbox(async (sandbox) => {
        const step = contractStep('sleep 50', { ...fake({ FAKE_SLEEP_MS: '50000' }), deadline: 100 })
        assert.equal((await runIn(sandbox, step)).result.kind, 'deadline')
      }),
    )

    rule('closing ends a running step', async () => {
      const sandbox = await driver.open(contractSpec, soon())
      const abort = onFirstOutput(() => void sandbox.close('cancelled'))
      const step = contractStep('echo up; sleep 50', fake({ FAKE_OUTPUT: 'up\n', FAKE_SLEEP_MS: '50000' }))
      const { result } = await runIn(sandbox, step, { stdout: abort })
      assert.ok(result.kind === 'signal' || result.kind === 'cancelled', result.kind)
      await sandbox.close('cancelled')
    })

    rule('more output than the log may hold ends the step', () =>
      withSandbox(
        async (sandbox) => {
          const step = contractStep('yes', fake({ FAKE_OUTPUT: 'y\n', FAKE_REPEAT: '200000' }))
          const { result, bytes } = await runIn(sandbox, step)
          assert.equal(result.kind, 'log-limit')
          assert.equal(bytes.length, 100_000)
        },
        { limits: { ...contractSpec.limits, logBytes: 100_000 } },
      ),
    )

    rule('one foreground step at a time', () =>
      withSandbox(async (sandbox) => {
        const first = runIn(sandbox, contractStep('sleep 0.2', fake({ FAKE_SLEEP_MS: '200' })))
        await assert.rejects(runIn(sandbox, contractStep('exit 0')), (error) =>
          isFault(error, 'E_EXEC_FAILED'),
        )
        assert.equal((await first).result.kind, 'exit')
      }),
    )

    rule('a closed sandbox takes no step', async () => {
      const sandbox = await driver.open(contractSpec, soon())
      await sandbox.close('done')
      await assert.rejects(runIn(sandbox, contractStep('exit 0')), (error) => isFault(error, 'E_EXEC_FAILED'))
    })

    rule('what cannot be built is refused, not weakened', async () => {
      const refused = (error: unknown) => isFault(error, 'E_SANDBOX_UNAVAILABLE')
      const oci = { kind: 'oci', ref: 'x', digest: 'sha256:0', platform: 'linux/amd64' } as const
      if (driver.can.images === 'host-only')
        await assert.rejects(driver.open({ ...contractSpec, image: oci }, soon()), refused)
      if (!driver.can.shapes.includes('sudo'))
        await assert.rejects(driver.open({ ...contractSpec, shape: 'sudo' }, soon()), refused)
      await assert.rejects(driver.open({ ...contractSpec, storage: 'disk' }, soon()), refused)
      await assert.rejects(driver.open({ ...contractSpec, exclusive: true }, soon()), refused)
    })

    rule('an aborted open leaves nothing', async () => {
      const abort = new AbortController()
      const opening = driver.open(contractSpec, abort.signal)
      abort.abort()
      await assert.rejects(opening)
      assert.deepEqual((await options.leaks?.()) ?? [], [])
      await assert.rejects(driver.open(contractSpec, AbortSignal.abort()))
    })

    rule('output of a megabyte without a newline arrives whole', () =>
      withSandbox(async (sandbox) => {
        const { bytes } = await runIn(sandbox, contractStep('head -c 1048576 /dev/zero'))
        assert.equal(bytes.length, 1_048_576)
        assert.ok(bytes.every((byte) => byte === 0))
      }),
    )

    rule('output larger than every buffer arrives whole, from the first byte on', () =>
      withSandbox(async (sandbox) => {
        for (const cell of ['job', 'shared', 'clean'] as const) {
          const { bytes } = await runIn(sandbox, contractStep('seq 1 500000', { cell }))
          assert.equal(digest(bytes), digest(numbersTo(500_000)), cell)
        }
      }),
    )

    rule('a slow reader slows the step, not our memory', () =>
      withSandbox(async (sandbox) => {
        let chunks = 0
        let largest = 0
        const slow = new Writable({
          highWaterMark: 1,
          write: (chunk: Buffer, _encoding, done) => {
            chunks++
            largest = Math.max(largest, chunk.length)
            setTimeout(done, 5)
          },
        })
        await runIn(sandbox, contractStep('head -c 4000000 /dev/zero'), { stdout: slow })
        assert.ok(chunks > 4_000_000 / 1_048_576, String(chunks))
        assert.ok(largest <= 1_048_576, String(largest))
      }),
    )

    rule('who takes output gets all of it, one piece at a time, and has each only until it returns', () =>
      withSandbox(async (sandbox) => {
        for (const cell of ['job', 'shared', 'clean'] as const)
          for (const isSlow of [false, true]) {
            const [copies, lent] = [[] as Buffer[], new Set<ArrayBufferLike>()]
            let taking = 0
            const stdout: Take = (bytes) => {
              assert.equal(taking, 0, 'the piece before is taken')
              copies.push(Buffer.from(bytes))
              lent.add(bytes.buffer)
              if (isSlow) taking++
              return isSlow ? sleep(1).then(() => void taking--) : undefined
            }
            await runIn(sandbox, contractStep('seq 1 200000', { cell }), { stdout })
            assert.equal(digest(Buffer.concat(copies)), digest(numbersTo(200_000)), cell)
            assert.ok(lent.size < copies.length, 'its memory is used again')
          }
      }),
    )

    rule('who takes output and breaks off does not end the step', () =>
      withSandbox(async (sandbox) => {
        const stdout: Take = () => Promise.reject(new Error('not for me'))
        const { result } = await runIn(sandbox, contractStep('seq 1 100000; exit 3'), { stdout })
        assert.equal(result.kind === 'exit' && result.code, 3)
      }),
    )

    rule('environment of every byte and every name reaches the step', () =>
      withSandbox(async (sandbox) => {
        const bytes = Array.from({ length: 0x24f }, (_, i) => String.fromCharCode(i + 1)).join('')
        const env = new Map<string, string | Secret<string>>([
          ['PLAIN', 'it\'s $HOME `x` "q" \\n'],
          ['BYTES', `${bytes}\u{1F9FF}`],
          ['TOKEN', new Secret('s3cret')],
          ['with.dot-and dash', 'odd'],
          ['OPTIND', 'not a number'],
          ['IFS', ':'],
          ['EMPTY', ''],
        ])
        for (const cell of ['job', 'shared'] as const) {
          const { out, err } = await runIn(
            sandbox,
            contractStep('', { env, cell, script: { argv: ['/usr/bin/env', '-0'] } }),
          )
          const found = new Map(
            out.split('\0').map((pair) => [pair.split('=')[0], pair.slice(pair.indexOf('=') + 1)]),
          )
          assert.equal(err, '')
          for (const [name, value] of env)
            assert.equal(found.get(name), value instanceof Secret ? 's3cret' : value, `${cell} ${name}`)
          assert.equal(found.get('FROM_SPEC'), 'spec')
        }
      }),
    )

    rule('what no process can have is refused in words', () =>
      withSandbox(async (sandbox) => {
        const refused = (error: unknown) => isFault(error, 'E_INPUT')
        for (const env of [[['A', 'x'.repeat(140_000)]], [['A=B', 'x']], [['A', 'a\0b']]] as [
          string,
          string,
        ][][])
          await assert.rejects(runIn(sandbox, contractStep('exit 0', { env: new Map(env) })), refused)
        await assert.rejects(runIn(sandbox, contractStep('echo a\0b')), refused)
        assert.equal((await runIn(sandbox, contractStep('exit 0'))).result.kind, 'exit')
      }),
    )

    rule('a step starts with the usual mask, directory, home and signals', () =>
      withSandbox(async (sandbox) => {
        const text = 'umask; pwd; echo $HOME; id -un; grep SigIgn /proc/self/status | cut -f2'
        for (const cell of ['job', 'shared', 'clean'] as const) {
          const { out } = await runIn(sandbox, contractStep(text, { cell }))
          assert.equal(out, '0022\n/home/ci/project\n/home/ci\nci\n0000000000000000\n', cell)
        }
      }),
    )

    rule('a script of a megabyte and any text runs', () =>
      withSandbox(async (sandbox) => {
        const text = `# ${'ü'.repeat(500_000)}\necho "it's" 'a \\ b' "$#"`
        assert.equal((await runIn(sandbox, contractStep(text))).out, "it's a \\ b 0\n")
      }),
    )

    rule('stdin reaches the step and ends', () =>
      withSandbox(async (sandbox) => {
        for (const cell of ['job', 'shared', 'clean'] as const) {
          const stdin = Readable.from([Buffer.alloc(700_000, 'a'), Buffer.from('end')])
          const { out } = await runIn(sandbox, contractStep('wc -c', { cell }), { stdin })
          assert.equal(out.trim(), '700003', cell)
          assert.equal((await runIn(sandbox, contractStep('wc -c', { cell }))).out.trim(), '0', cell)
        }
      }),
    )

    rule('a daemon of one step serves the next, and dies with the sandbox', async () => {
      const sandbox = await driver.open(contractSpec, soon())
      const start = 'while :; do echo beat >/tmp/beat; sleep 0.05; done >/dev/null 2>&1 & echo $! >/tmp/pid'
      await runIn(sandbox, contractStep(start))
      const look =
        'rm -f /tmp/beat; for i in $(seq 100); do [ -f /tmp/beat ] && exit 0; sleep 0.05; done; exit 1'
      assert.deepEqual(exitOf(await runIn(sandbox, contractStep(look))), 0)
      const receipt = await sandbox.close('done')
      assert.ok((receipt.cells.at(-1)?.leftovers ?? 0) >= 1)
    })

    rule('a background step runs beside others until the sandbox closes', async () => {
      const sandbox = await driver.open(contractSpec, soon())
      const io = { stdin: null, stdout: gather(), stderr: gather() }
      const server = contractStep('while [ ! -f /tmp/stop ]; do sleep 0.02; done; echo stopped', {
        kind: 'background',
      })
      const running = sandbox.exec(server, io, soon())
      assert.equal(exitOf(await runIn(sandbox, contractStep('touch /tmp/stop'))), 0)
      assert.equal((await running).kind, 'exit')
      assert.equal(io.stdout.text(), 'stopped\n')
      const endless = sandbox.exec(contractStep('sleep 50', { kind: 'background' }), io, soon())
      await runIn(sandbox, contractStep('exit 0'))
      await sandbox.close('done')
      assert.notEqual((await endless).kind, 'exit')
    })

    rule('a step that kills its whole group ends only itself', () =>
      withSandbox(async (sandbox) => {
        const { result } = await runIn(sandbox, contractStep('trap "" TERM; kill -TERM 0; exit 7'))
        assert.equal(result.kind === 'exit' && result.code, 7)
        await runIn(sandbox, contractStep('kill -KILL 0'))
        assert.equal(exitOf(await runIn(sandbox, contractStep('exit 5'))), 5)
      }),
    )

    rule('a step that kills the loop ends the job with a plain result', () =>
      withSandbox(async (sandbox) => {
        // The parent of a first step may be a shell of ours, which is no more than the step.
        await runIn(sandbox, contractStep('exit 0'))
        const { result } = await runIn(sandbox, contractStep('kill -9 $PPID; sleep 20'))
        assert.deepEqual({ kind: result.kind }, { kind: 'signal' })
        const next = await runIn(sandbox, contractStep('exit 0'))
        assert.equal(next.result.kind, 'signal')
      }),
    )

    rule('steps of clean cells see neither files nor processes of others', () =>
      withSandbox(async (sandbox) => {
        await runIn(sandbox, contractStep('echo x >/tmp/mark; echo x >~/mark; sleep 30 >/dev/null 2>&1 &'))
        const { out } = await runIn(
          sandbox,
          contractStep('ls -A /tmp ~; ls -d /proc/[0-9]* | wc -l', { cell: 'clean' }),
        )
        assert.ok(!out.includes('mark'), out)
        assert.ok(Number(out.trim().split('\n').at(-1)) <= 6, out)
        const shared = await runIn(
          sandbox,
          contractStep('cat /tmp/mark ~/mark; ls -d /proc/[0-9]* | wc -l', { cell: 'shared' }),
        )
        assert.match(shared.out, /^x\nx\n[1-6]\n$/)
      }),
    )

    rule('a tree goes in and comes out', () =>
      withSandbox(async (sandbox) => {
        await runIn(sandbox, contractStep('mkdir -p /tmp/a/b && echo hi >/tmp/a/b/c && ln -s c /tmp/a/b/d'))
        const tar = await sandbox.copyOut('/tmp/a', 1_000_000, soon())
        await sandbox.copyIn(tar, '/home/ci/project/copy', soon())
        assert.equal(
          (await runIn(sandbox, contractStep('cat copy/b/d; stat -c %U copy/b/c'))).out,
          'hi\nci\n',
        )
      }),
    )

    rule('what is copied out is bounded', () =>
      withSandbox(async (sandbox) => {
        await runIn(sandbox, contractStep('mkdir /tmp/big && head -c 3000000 /dev/zero >/tmp/big/x'))
        const tar = await sandbox.copyOut('/tmp/big', 1_000_000, soon())
        await assert.rejects(async () => {
          for await (const _ of tar);
        }, /1000000/)
      }),
    )

    rule('a broken archive is a fault and the sandbox closes', async () => {
      const sandbox = await driver.open(contractSpec, soon())
      await assert.rejects(sandbox.copyIn(Readable.from(['no tar at all']), '/tmp/x', soon()))
      assert.ok((await sandbox.close('fault')).gone.every((entry) => entry.ok))
    })

    rule('opening and closing many times leaves nothing', async () => {
      const before = (await options.leaks?.()) ?? []
      for (let i = 0; i < options.cycles; i += 4)
        await Promise.all(
          Array.from({ length: 4 }, async () => {
            const sandbox = await driver.open(contractSpec, soon())
            assert.equal((await runIn(sandbox, contractStep('exit 0'))).result.kind, 'exit')
            await sandbox.close('done')
          }),
        )
      assert.deepEqual((await options.leaks?.()) ?? [], before)
    })
  })
}

/** The fake driver is steered by environment; real ones ignore it. */
const fake = (env: Readonly<Record<string, string>>): Pick<StepSpec, 'env'> => ({
  env: new Map(Object.entries(env)),
})
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const exitOf = ({ result }: Ran): number | string => (result.kind === 'exit' ? result.code : result.kind)
