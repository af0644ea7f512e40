package gomlxmodel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of the fields of ONNX's messages that are read, from
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
const (
	onnxGraph = 7 // of ModelProto

	onnxNode        = 1 // of GraphProto
	onnxInitializer = 5

	onnxNodeInput = 1 // of NodeProto
	onnxNodeName  = 3
	onnxNodeOp    = 4

	onnxDims         = 1 // of TensorProto
	onnxDataType     = 2
	onnxFloatData    = 4
	onnxName         = 8
	onnxRawData      = 9
	onnxDataLocation = 14

	onnxFloat = 1 // a data type
)

// onnxTensor is one that a file holds.
type onnxTensor struct {
	name     string
	dims     []int
	kind     uint64
	raw      []byte
	floats   []byte // packed
	external bool
}

// readONNX returns the weights of a model that PyTorch exported: those that keep the name
// they have in PyTorch, and the matrices of products, which don't, as NAME.kernel, where
// NAME is that of the module, [in, out]. Only tensors of float32 are read.
func readONNX(file []byte) (Weights, error) {
	w := Weights{}
	held := map[string]onnxTensor{}
	products := map[string]string{} // matrix to module
	err := eachField(file, onnxGraph, func(graph []byte) error {
		if err := eachField(graph, onnxInitializer, func(b []byte) error {
			t, err := readONNXTensor(b)
			held[t.name] = t
			return err
		}); err != nil {
			return err
		}
		return eachField(graph, onnxNode, func(b []byte) error { return readProduct(b, products) })
	})
	if err != nil {
		return nil, fmt.Errorf("not an ONNX file: %w", err)
	}
	for name, t := range held {
		if t.kind != onnxFloat {
			continue
		}
		if module, ok := products[name]; ok {
			name = module + ".kernel"
		}
		if w[name], err = t.tensor(); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.name, err)
		}
	}
	if len(w) == 0 {
		return nil, errors.New("this ONNX file holds no weights of float32")
	}
	return w, nil
}

// eachField calls each for every message or string of a field.
func eachField(b []byte, field protowire.Number, each func([]byte) error) error {
	return walkFields(b, func(n protowire.Number, kind protowire.Type, value []byte) error {
		if n == field && kind == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(value)
			return each(v)
		}
		return nil
	})
}

// walkFields calls each with every field of a message.
func walkFields(b []byte, each func(n protowire.Number, kind protowire.Type, value []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		if size = protowire.ConsumeFieldValue(n, kind, b); size < 0 {
			return protowire.ParseError(size)
		}
		if err := each(n, kind, b[:size]); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

func readONNXTensor(b []byte) (t onnxTensor, err error) {
	err = walkFields(b, func(n protowire.Number, kind protowire.Type, value []byte) error {
		number, _ := protowire.ConsumeVarint(value)
		text, _ := protowire.ConsumeBytes(value)
		switch {
		case n == onnxDims && kind == protowire.VarintType:
			t.dims = append(t.dims, int(min(number, math.MaxInt32)))
		case n == onnxDims && kind == protowire.BytesType:
			return walkVarints(text, func(d uint64) { t.dims = append(t.dims, int(min(d, math.MaxInt32))) })
		case n == onnxDataType && kind == protowire.VarintType:
			t.kind = number
		case n == onnxName && kind == protowire.BytesType:
			t.name = string(text)
		case n == onnxRawData && kind == protowire.BytesType:
			t.raw = text
		case n == onnxFloatData && kind == protowire.BytesType:
			t.floats = text
		case n == onnxDataLocation && kind == protowire.VarintType:
			t.external = number != 0
		}
		return nil
	})
	return t, err
}

func walkVarints(b []byte, each func(uint64)) error {
	for len(b) > 0 {
		v, size := protowire.ConsumeVarint(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		each(v)
		b = b[size:]
	}
	return nil
}

// readProduct notes which module a matrix belongs to. PyTorch names the node of a linear
// module /path/to/module/MatMul.
func readProduct(b []byte, products map[string]string) error {
	var op, name string
	var inputs []string
	err := walkFields(b, func(n protowire.Number, kind protowire.Type, value []byte) error {
		if kind != protowire.BytesType {
			return nil
		}
		text, _ := protowire.ConsumeBytes(value)
		switch n {
		case onnxNodeInput:
			inputs = append(inputs, string(text))
		case onnxNodeName:
			name = string(text)
		case onnxNodeOp:
			op = string(text)
		}
		return nil
	})
	if module, ok := strings.CutSuffix(strings.TrimPrefix(name, "/"), "/MatMul"); ok && op == "MatMul" && len(inputs) == 2 {
		products[inputs[1]] = strings.ReplaceAll(module, "/", ".")
	}
	return err
}

func (t onnxTensor) tensor() (*tensors.Tensor, error) {
	data := t.raw
	if data == nil {
		data = t.floats
	}
	n := 1
	for _, d := range t.dims {
		if d < 1 || n > math.MaxInt32/d {
			return nil, fmt.Errorf("it has the shape %v", t.dims)
		}
		n *= d
	}
	switch {
	case t.external:
		return nil, errors.New("its values are in another file, which isn't read")
	case len(data) != 4*n:
		return nil, fmt.Errorf("%d bytes don't hold %v of float32", len(data), t.dims)
	}
	flat := make([]float32, n)
	for i := range flat {
		flat[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return tensors.FromFlatDataAndDimensions(flat, t.dims...), nil
}
