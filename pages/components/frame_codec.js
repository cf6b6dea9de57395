/* Decodes a frame of frame_codec.py: the header as an object, and in it each array, flat, under its name. */

const TYPES = { "<f4": Float32Array, "<i4": Int32Array, "<u2": Uint16Array };

function decode(bytes) {
  const buffer = bytes.slice().buffer;                       // a copy, because typed arrays want aligned offsets
  const length = new DataView(buffer).getUint32(0, true), aligned = at => Math.ceil(at / 8) * 8;
  const { arrays, ...frame } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = aligned(4 + length);
  for (const [name, dtype, shape] of arrays) {
    frame[name] = new TYPES[dtype](buffer, at, shape.reduce((n, size) => n * size, 1));
    at = aligned(at + frame[name].byteLength);
  }
  return frame;
}
