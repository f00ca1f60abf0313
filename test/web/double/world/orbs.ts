// The orb store of the double.
import type { Orb, OrbSource } from '../../../../src/protocol/api/shapes.ts'
import { ago, idOf } from './ids.ts'

const orbOf = (id: string, bytes: number, by = 'Ada Lovelace'): Orb => ({
  ...{ id, bytes, sha256: `${bytes}`.padEnd(64, '4f2a9c'), added_at: ago(86_400 * 12) },
  ...{ added_by: idOf('usr', 1), added_by_name: by },
})

export const orbs: readonly Orb[] = [
  orbOf('acme/tools@1.2.3', 812),
  orbOf('acme/tools@dev:mine', 830, 'Somebody with a very long name that does not fit'),
  orbOf('circleci/node@5.1.0', 48_120),
  orbOf('https://orbs.example.org/a/very/long/address/of/an/orb/that-somebody-keeps-there.yml', 2_048),
]

const text = `version: 2.1
# Deploys what the job built.
description: "Tools # of acme"
executors:
  default:
    docker:
      - image: cimg/node:22.9
commands:
  deploy:
    parameters:
      target: { type: string, default: staging }
    steps:
      - run:
          name: Deploy
          command: ./deploy --target << parameters.target >> # one word
${Array.from({ length: 600 }, (_, i) => `  step-${i}: { steps: [{ run: echo ${i} }] }`).join('\n')}
`

export const orbSource = (id: string | null): OrbSource | null =>
  orbs.some((orb) => orb.id === id) && id !== null ? { id, text } : null
