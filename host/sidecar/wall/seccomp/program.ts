/**
 * An assembler for the few instructions of classic BPF that a seccomp filter needs: load a word of the call, compare,
 * return. Blocks nest instead of jumping to labels.
 */

/** A word of the kernel's `struct seccomp_data`, as an offset in bytes. */
export const Field = {
  call: 0,
  architecture: 4,
  /** The lower half of an argument, on a little-endian machine; 0 to 5. */
  argument: (index: number): number => 16 + 8 * index,
} as const;

/** What happens to the call: it is made, it fails with an error number, or the whole process ends. */
export type Verdict =
  { readonly kind: 'allow' } | { readonly kind: 'errno'; readonly errno: number } | { readonly kind: 'kill' };

/** A comparison of the loaded word. */
export interface Test {
  readonly is: 'equal' | 'at-least' | 'any-bit';
  readonly value: number;
}

export type Instruction =
  | { readonly op: 'load'; readonly offset: number }
  /** Leaves out the next `count` instructions unless the test holds. */
  | { readonly op: 'skip-unless'; readonly test: Test; readonly count: number }
  | { readonly op: 'return'; readonly verdict: Verdict };

const LOAD = 0x20;
const RETURN = 0x06;
const COMPARE = { equal: 0x15, 'at-least': 0x35, 'any-bit': 0x45 } as const;
const INSTRUCTION_BYTES = 8;
/** A jump's distance is one byte. */
const MAX_SKIP = 255;
/** The kernel's own bound. */
const MAX_INSTRUCTIONS = 4_096;

const RETURN_ALLOW = 0x7fff_0000;
const RETURN_ERRNO = 0x0005_0000;
const RETURN_KILL_PROCESS = 0x8000_0000;

/** The block, for calls of which the test holds; it should end in a return. */
export function when(test: Test, block: readonly Instruction[]): readonly Instruction[] {
  return [{ op: 'skip-unless', test, count: block.length }, ...block];
}

export function verdict(of: Verdict): Instruction {
  return { op: 'return', verdict: of };
}

/**
 * The program as the kernel takes it: 8 bytes an instruction, little-endian.
 *
 * @throws RangeError for a block or a program that is too long
 */
export function assemble(instructions: readonly Instruction[]): Buffer {
  if (instructions.length > MAX_INSTRUCTIONS)
    throw new RangeError(`expected at most ${MAX_INSTRUCTIONS} instructions, got ${instructions.length}`);
  const program = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  for (const [index, instruction] of instructions.entries()) {
    const { opcode, otherwise, value } = encode(instruction);
    const at = index * INSTRUCTION_BYTES;
    program.writeUInt16LE(opcode, at);
    program.writeUInt8(otherwise, at + 3);
    program.writeUInt32LE(value, at + 4);
  }
  return program;
}

function encode(instruction: Instruction): {
  readonly opcode: number;
  readonly otherwise: number;
  readonly value: number;
} {
  switch (instruction.op) {
    case 'load':
      return { opcode: LOAD, otherwise: 0, value: instruction.offset };
    case 'return':
      return { opcode: RETURN, otherwise: 0, value: returnValue(instruction.verdict) };
    case 'skip-unless': {
      const { test, count } = instruction;
      if (count > MAX_SKIP)
        throw new RangeError(`expected a block of at most ${MAX_SKIP} instructions, got ${count}`);
      return { opcode: COMPARE[test.is], otherwise: count, value: test.value };
    }
  }
}

function returnValue(of: Verdict): number {
  switch (of.kind) {
    case 'allow':
      return RETURN_ALLOW;
    case 'errno':
      return RETURN_ERRNO + of.errno;
    case 'kill':
      return RETURN_KILL_PROCESS;
  }
}
