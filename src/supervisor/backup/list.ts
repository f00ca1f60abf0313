// `mayfly backup list`: what the installation knows of its backups.
import type { Layout } from '../layout.ts'
import { callOperator } from '../operator.ts'

export type KnownBackup = {
  readonly id: string
  readonly made_at: string
  readonly bytes: number
  readonly verified_at: string | null
}

export const listBackups = async (layout: Layout): Promise<readonly KnownBackup[]> => {
  // SAFE: the server's own answer to this route (protocol/api/routes.ts).
  const path = '/api/v1/operator/backups?limit=100'
  return ((await callOperator(layout, 'GET', path)) as { items: KnownBackup[] }).items
}
