// One question asked of the kernel after the end of a nest, and its answer: an entry of the receipt.
import type { Receipt } from '../../protocol/receipt.ts'

export type GoneCheck = Receipt['gone'][number]
