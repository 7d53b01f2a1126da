package proxywasm

// Status is what a call of the guest came to.
type Status uint32

// The ABI's statuses.
const (
	OK              Status = 0
	NotFound        Status = 1
	BadArgument     Status = 2
	InvalidMemory   Status = 6
	Empty           Status = 7
	CasMismatch     Status = 8
	InternalFailure Status = 10
	Unimplemented   Status = 12
)

// A Context is what a guest knows by a number: the plugin, or a stream.
type Context struct {
	vm         *VM
	id         uint32
	stream     *Stream // nil: the plugin
	properties map[string][]byte
}

// ID is the context's number.
func (c *Context) ID() uint32 { return c.id }

// Stream is the context's stream, nil for the plugin.
func (c *Context) Stream() *Stream { return c.stream }

// Set sets a property that the guest reads, parts of its path joined by NUL.
func (c *Context) Set(path string, value []byte) {
	if c.properties == nil {
		c.properties = map[string][]byte{}
	}
	c.properties[path] = value
}

// Own is a property that the guest has set.
func (c *Context) Own(path string) ([]byte, bool) {
	value, ok := c.properties[path]
	return value, ok
}

// effective is the context that a call of the guest is about: the one it has set, if that is still there, else the one
// whose callback runs.
func (v *VM) effective() *Context {
	if v.active != nil && v.contexts[v.active.id] == v.active {
		return v.active
	}
	return v.current
}

// The numbers of header maps and buffers.
const (
	mapRequestHeaders   = 0
	mapRequestTrailers  = 1
	mapResponseHeaders  = 2
	mapResponseTrailers = 3
	mapReplyHeaders     = 6
	mapReplyTrailers    = 7

	bufferRequestBody  = 0
	bufferResponseBody = 1
	bufferReplyBody    = 4
	bufferVMConfig     = 6
	bufferConfig       = 7
	bufferArguments    = 8
	bufferRedisReply   = 9 // Higress's
)

// headers is a header map of the effective context; nil: it is not there, or not any more.
func (v *VM) headers(kind uint32) *Pairs {
	switch kind {
	case mapReplyHeaders:
		return &v.reply.headers
	case mapReplyTrailers:
		return &v.reply.trailers
	}
	c := v.effective()
	if c == nil || c.stream == nil {
		return nil
	}
	s := c.stream
	switch {
	case kind == mapRequestHeaders && s.Request.open(atHeaders):
		return &s.Request.Headers
	case kind == mapRequestTrailers && s.Request.open(atTrailers):
		return &s.Request.Trailers
	case kind == mapResponseHeaders && s.Response.open(atHeaders):
		return &s.Response.Headers
	case kind == mapResponseTrailers && s.Response.open(atTrailers):
		return &s.Response.Trailers
	}
	return nil
}

// buffer is a buffer of the effective context; nil: it is not there.
func (v *VM) buffer(kind uint32) *[]byte {
	switch kind {
	case bufferReplyBody, bufferRedisReply:
		return &v.reply.body
	case bufferVMConfig, bufferConfig:
		return &v.config
	}
	c := v.effective()
	if c == nil || c.stream == nil {
		return nil
	}
	switch kind {
	case bufferRequestBody:
		return &c.stream.Request.held
	case bufferResponseBody:
		return &c.stream.Response.held
	}
	return nil
}

// edited notes that the guest has changed a buffer that buffer has found.
func (v *VM) edited(kind uint32) {
	switch kind {
	case bufferRequestBody:
		v.effective().stream.Request.Edited = true
	case bufferResponseBody:
		v.effective().stream.Response.Edited = true
	}
}
