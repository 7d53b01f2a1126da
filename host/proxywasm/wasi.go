package proxywasm

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// enosys is WASI's error for what is not there.
const enosys = 52

// envoysWASI is what proxy-wasm-cpp-host registers of WASI (FOR_ALL_WASI_FUNCTIONS in its include/proxy-wasm/exports.h);
// everything else answers ENOSYS, which a Go guest does not take from poll_oneoff (golang/go#78513).
func envoysWASI() map[string]bool {
	return map[string]bool{
		"fd_write": true, "fd_read": true, "fd_seek": true, "fd_close": true, "fd_fdstat_get": true, "environ_get": true,
		"environ_sizes_get": true, "args_get": true, "args_sizes_get": true, "clock_time_get": true, "random_get": true, "proc_exit": true,
		"path_open": true, "fd_prestat_get": true, "fd_prestat_dir_name": true,
	}
}

// provideWASI gives guests wazero's WASI; a strict host takes away what Envoy has not.
func provideWASI(ctx context.Context, r wazero.Runtime, strict bool) error {
	builder := r.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(builder)
	if strict {
		compiled, err := builder.Compile(ctx)
		if err != nil {
			return err
		}
		has := envoysWASI()
		for name, f := range compiled.ExportedFunctions() {
			if !has[name] && len(f.ResultTypes()) == 1 {
				missing := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = enosys })
				builder.NewFunctionBuilder().WithGoModuleFunction(missing, f.ParamTypes(), f.ResultTypes()).Export(name)
			}
		}
	}
	_, err := builder.Instantiate(ctx)
	return err
}
