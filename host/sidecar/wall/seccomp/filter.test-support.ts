/** What a filter says to one call, by a second reading of classic BPF that shares nothing with the assembler. */
export function judge(
  program: Buffer,
  call: { readonly number: number; readonly audit: number; readonly args?: readonly number[] },
): string {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number, 0);
  data.writeUInt32LE(call.audit, 4);
  for (const [index, value] of (call.args ?? []).entries())
    data.writeBigUInt64LE(BigInt(value), 16 + 8 * index);
  let word = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = program.readUInt16LE(at);
    const value = program.readUInt32LE(at + 4);
    if (code === 0x20) word = data.readUInt32LE(value);
    else if (code === 0x06) return name(value);
    else {
      const holds = code === 0x15 ? word === value : code === 0x35 ? word >= value : (word & value) !== 0;
      at += 8 * program.readUInt8(at + (holds ? 2 : 3));
    }
  }
  throw new Error('the program runs past its end');
}

function name(value: number): string {
  if (value === 0x7fff_0000) return 'allow';
  if (value === 0x8000_0000) return 'kill';
  return `errno ${value & 0xffff}`;
}

export interface Call {
  readonly number: number;
  readonly args?: readonly number[];
  /** Made as a 32-bit program would, which is another architecture. */
  readonly as32Bit?: boolean;
}

/**
 * A program for x64 that makes these calls one after the other and writes each result, 8 bytes, to standard output:
 * neither Node nor a shell can make them.
 */
export function buildProgram(calls: readonly Call[]): Buffer {
  const code = Buffer.concat([...calls.map(callAndReport), exit]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18); // x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BASE + BigInt(HEADER_BYTES), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(5, 68); // readable, executable
  header.writeBigUInt64LE(BASE, 80);
  header.writeBigUInt64LE(BASE, 88);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES + code.length), 96);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES + code.length), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, code]);
}

/** Results as a call returns them: an error is its negative number. */
export function readResults(output: Buffer): readonly number[] {
  return Array.from({ length: Math.floor(output.length / 8) }, (_, index) =>
    Number(output.readBigInt64LE(index * 8)),
  );
}

const BASE = 0x40_0000n;
const HEADER_BYTES = 120;
/** mov edi, imm · rsi · rdx · r10 · r8 · r9, 64 bits each. */
const ARGUMENTS = ['48bf', '48be', '48ba', '49ba', '49b8', '49b9'];
const SYSCALL = '0f05';
const INT_80 = 'cd80';
/** push rax; write(1, rsp, 8); pop rax */
const REPORT = '504889e6bf01000000ba08000000b8010000000f0558';
const exit = Buffer.from(`b83c00000031ff${SYSCALL}`, 'hex');

function callAndReport({ number, args = [], as32Bit = false }: Call): Buffer {
  const immediate = (value: number): string => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
    return bytes.toString('hex');
  };
  const load = ARGUMENTS.map((opcode, index) => `${opcode}${immediate(args[index] ?? 0)}`).join('');
  const which = Buffer.alloc(4);
  which.writeUInt32LE(number);
  return Buffer.from(`${load}b8${which.toString('hex')}${as32Bit ? INT_80 : SYSCALL}${REPORT}`, 'hex');
}
