// SPDX-License-Identifier: GPL-2.0
/* 6.5: folio_memcg_check() replaces page_memcg_check(). */
#include <linux/memcontrol.h>

struct mem_cgroup *probe(struct folio *folio);
struct mem_cgroup *probe(struct folio *folio)
{
	return folio_memcg_check(folio);
}
