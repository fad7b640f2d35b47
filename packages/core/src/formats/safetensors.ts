/** The safetensors format: https://huggingface.co/docs/safetensors, and its reference reader's checks. */
export { decodeSafetensors, type SafetensorsFile, type StoredTensor, valuesOf } from './safetensors-decode.ts';
export { encodeSafetensors, safetensorsChunks, type TensorToStore } from './safetensors-encode.ts';
export type { TensorDType } from './tensor-dtype.ts';
