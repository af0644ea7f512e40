package gomlxmodel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/x448/float16"
)

// header describes one tensor in a safetensors file
// (https://github.com/huggingface/safetensors): 8 bytes of header length, a JSON
// header, then the raw little-endian data.
type header struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

var dtypeNames = map[dtypes.DType]string{dtypes.Float32: "F32", dtypes.Int64: "I64", dtypes.Int32: "I32", dtypes.Float64: "F64"}

// metadataKey holds a map of strings in the header.
const metadataKey = "__metadata__"

// EncodeTensors writes tensors, in the order of their names, with metadata.
func EncodeTensors(w Weights, metadata map[string]string) ([]byte, error) {
	headers := map[string]any{}
	if len(metadata) > 0 {
		headers[metadataKey] = metadata
	}
	var data bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(w)) {
		t := w[name]
		kind, ok := dtypeNames[t.DType()]
		if !ok {
			return nil, fmt.Errorf("tensor %s has type %s, which is not written", name, t.DType())
		}
		start := data.Len()
		if err := t.ConstBytes(func(b []byte) { data.Write(b) }); err != nil {
			return nil, err
		}
		dims := append([]int{}, t.Shape().Dimensions...)
		headers[name] = header{kind, dims, [2]int{start, data.Len()}}
	}
	head, err := json.Marshal(headers)
	if err != nil {
		return nil, err
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(out, head...), data.Bytes()...), nil
}

// DecodeTensors reads what EncodeTensors wrote, and tensors of half precision (F16, BF16),
// which become float32.
func DecodeTensors(file []byte) (Weights, map[string]string, error) {
	if len(file) < 8 {
		return nil, nil, errors.New("not a safetensors file: too short")
	}
	n := binary.LittleEndian.Uint64(file)
	if n > uint64(len(file)-8) {
		return nil, nil, errors.New("not a safetensors file: its header is cut")
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+n], &raw); err != nil {
		return nil, nil, fmt.Errorf("not a safetensors file: %w", err)
	}
	data := file[8+n:]
	w, metadata := Weights{}, map[string]string{}
	for name, b := range raw {
		if name == metadataKey {
			if err := json.Unmarshal(b, &metadata); err != nil {
				return nil, nil, err
			}
			continue
		}
		t, err := decodeTensor(b, data)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		w[name] = t
	}
	return w, metadata, nil
}

func decodeTensor(head json.RawMessage, data []byte) (*tensors.Tensor, error) {
	var h header
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, err
	}
	start, end := h.Offsets[0], h.Offsets[1]
	if start < 0 || end < start || end > len(data) {
		return nil, errors.New("its data lies outside of the file")
	}
	size, width := 1, map[string]int{"F16": 2, "BF16": 2, "F32": 4, "I32": 4, "I64": 8, "F64": 8}[h.DType]
	for _, d := range h.Shape {
		if d < 1 || size > math.MaxInt32/d {
			return nil, fmt.Errorf("it has the shape %v", h.Shape)
		}
		size *= d
	}
	if width == 0 {
		return nil, fmt.Errorf("its values are of type %s; F16, BF16, F32, F64, I32 and I64 are read", h.DType)
	}
	if size*width != end-start {
		return nil, fmt.Errorf("%d bytes don't hold %v of %s", end-start, h.Shape, h.DType)
	}
	return build(h, data[start:end], size)
}

func build(h header, b []byte, size int) (*tensors.Tensor, error) {
	switch h.DType {
	case "F16":
		return widened(b, h.Shape, func(bits uint16) float32 { return float16.Frombits(bits).Float32() }), nil
	case "BF16":
		return widened(b, h.Shape, func(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }), nil
	case "F32":
		return tensorOf[float32](b, size, h.Shape)
	case "F64":
		return tensorOf[float64](b, size, h.Shape)
	case "I32":
		return tensorOf[int32](b, size, h.Shape)
	default:
		return tensorOf[int64](b, size, h.Shape)
	}
}

// widened reads values of 16 bits.
func widened(b []byte, shape []int, float func(bits uint16) float32) *tensors.Tensor {
	flat := make([]float32, len(b)/2)
	for i := range flat {
		flat[i] = float(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return tensors.FromFlatDataAndDimensions(flat, shape...)
}

func tensorOf[T float32 | float64 | int32 | int64](b []byte, size int, shape []int) (*tensors.Tensor, error) {
	flat := make([]T, size)
	if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, flat); err != nil {
		return nil, err
	}
	return tensors.FromFlatDataAndDimensions(flat, shape...), nil
}
