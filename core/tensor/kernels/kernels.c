/* The tables stand from widest to narrowest, each with its question to the processor, and a slot is the first that is filled
 * and may run. The answer does not change while the program runs; callers ask for a slot once for many elements.
 */
#include "core/tensor/kernels/kernels.h"

#if defined(__x86_64__)
#include "core/tensor/kernels/kernels_wide.h"

/* "fma" stands for F16C, which not every compiler lets one ask for: there is no processor with AVX2 and FMA without it. */
bool kernels_have_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool kernels_have_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl");
}
#endif

/* Wide tables exist where the compiler can make them; elsewhere scalar is all there is. */
const struct kernels *const kernels_all[] = {
#if defined(__x86_64__)
	&kernels_avx512,
	&kernels_avx2,
#endif
	&kernels_scalar,
	NULL,
};

/* The first table that runs here and fills the slot. */
#define WIDEST(slot)                                                                                                           \
	for (size_t i = 0; kernels_all[i]; i++) {                                                                              \
		if (kernels_all[i]->slot && kernels_all[i]->runs_here())                                                       \
			return kernels_all[i]->slot;                                                                           \
	}                                                                                                                      \
	return NULL

kernel_dequantise kernels_dequantise(enum quant type, enum quant_way way)
{
	WIDEST(dequantise[type][way]);
}

kernel_to_f32 kernels_to_f32(enum dtype dtype)
{
	WIDEST(to_f32[dtype]);
}

kernel_from_f32 kernels_from_f32(enum dtype dtype)
{
	WIDEST(from_f32[dtype]);
}

kernel_stochastic kernels_stochastic(enum dtype dtype)
{
	WIDEST(stochastic[dtype]);
}
