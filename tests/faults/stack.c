/* SPDX-License-Identifier: ISC */
#include "faults.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unwind.h>

#define OBJECTS		128
#define DEPTH		100

static struct object {
	uintptr_t	 start, end, base;
	const char	*name;
} objects[OBJECTS];
static size_t count;

/* FNV-1a, which needs no table and no memory. */
static uint64_t
mix(uint64_t hash, uint64_t value)
{
	int i;

	for (i = 0; i < 8; i++, value >>= 8)
		hash = (hash ^ (value & 0xff)) * UINT64_C(1099511628211);
	return hash;
}

static int
note_object(struct dl_phdr_info *info, size_t size, void *unused)
{
	const char *slash = strrchr(info->dlpi_name, '/');
	const ElfW(Phdr) *p = info->dlpi_phdr, *end = p + info->dlpi_phnum;

	(void)size;
	(void)unused;
	for (; p < end && count < OBJECTS; p++)
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0) {
			objects[count].base = info->dlpi_addr;
			objects[count].start = info->dlpi_addr + p->p_vaddr;
			objects[count].end = objects[count].start + p->p_memsz;
			objects[count++].name = slash != NULL ? slash + 1 :
			    info->dlpi_name;
		}
	return 0;
}

static const struct object *
find(uintptr_t address)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (address >= objects[i].start && address < objects[i].end)
			return &objects[i];
	return NULL;
}

/* What dlopen() brought in since is looked for once. */
static const struct object *
object_of(uintptr_t address)
{
	const struct object *o = find(address);

	if (o == NULL) {
		count = 0;
		dl_iterate_phdr(note_object, NULL);
		o = find(address);
	}
	return o;
}

struct walk {
	struct stack	*stack;
	char		*text;
	size_t		 left;
	int		 depth;
};

static void
print_frame(struct walk *w, const struct object *o, uintptr_t address)
{
	Dl_info info = { .dli_sname = NULL };
	int len;

	dladdr((void *)address, &info);
	len = snprintf(w->text, w->left, "%s:%s+%#lx\n", o == NULL ? "?" :
	    o->name[0] != '\0' ? o->name : "program",
	    info.dli_sname != NULL ? info.dli_sname : "",
	    (unsigned long)(address - (o != NULL ? o->base : 0)));

	if (len < 0 || (size_t)len >= w->left)
		return;
	w->text += len;
	w->left -= (size_t)len;
}

static _Unwind_Reason_Code
take_frame(struct _Unwind_Context *context, void *walk)
{
	struct walk *w = walk;
	uintptr_t address = _Unwind_GetIP(context);
	const struct object *o;
	const char *p;

	if (address == 0 || ++w->depth > DEPTH)
		return _URC_END_OF_STACK;
	o = object_of(address);
	if (o != NULL && o == object_of((uintptr_t)stack_take))
		return _URC_NO_REASON;
	if (w->stack == NULL) {
		print_frame(w, o, address);
		return _URC_NO_REASON;
	}
	if (o == NULL)
		return _URC_NO_REASON;
	for (p = o->name; *p != '\0'; p++)
		w->stack->site = mix(w->stack->site, (unsigned char)*p);
	w->stack->site = mix(w->stack->site, address - o->base);
	/* The program itself has no name there. */
	if (o->name[0] == '\0')
		w->stack->own = mix(w->stack->own, address - o->base);
	return _URC_NO_REASON;
}

void
stack_take(struct stack *s)
{
	struct walk w = { .stack = s };

	s->site = s->own = UINT64_C(14695981039346656037) + fault_in_child();
	_Unwind_Backtrace(take_frame, &w);
}

void
stack_print(char *to, size_t size)
{
	struct walk w = { .text = to, .left = size };

	_Unwind_Backtrace(take_frame, &w);
}
