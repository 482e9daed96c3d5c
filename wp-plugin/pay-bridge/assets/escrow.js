/* A decision on an escrow that has no answer yet: the page finds the answer by itself, looking so often at most. GPL-2.0-or-later. */
(() => {
	const address = new URL(location.href);
	address.searchParams.delete('deed'); // What came of a press is told once; from then on how it stands.
	let looks = 0;
	let wait = 2000;
	let timer = 0;

	const part = document.querySelector('.pay-bridge-escrow');
	function follow() {
		clearTimeout(timer);
		if (!document.hidden && looks < Number(part.dataset.looks)) { timer = setTimeout(look, wait); }
	}
	async function look() {
		looks += 1;
		wait = Math.min(20000, wait * 1.4);
		try {
			const answer = await fetch(address, { credentials: 'same-origin', cache: 'no-store' });
			const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
			show(page.querySelector('.pay-bridge-escrow'));
		} catch (e) {} // Looked for again below.
		follow();
	}
	/* The sentence stays in its place, so that whoever cannot see the page hears that it has changed. */
	function show(made) {
		const said = part.querySelector('[data-escrow]');
		const says = made && made.querySelector('[data-escrow]');
		if (!says || said.dataset.escrow === says.dataset.escrow) { return; }
		part.querySelectorAll('.pay-bridge-notice').forEach((old) => old.remove());
		part.querySelector('[data-steps]').replaceChildren(...made.querySelector('[data-steps]').childNodes);
		part.dataset.looks = made.dataset.looks;
		said.dataset.escrow = says.dataset.escrow;
		said.textContent = says.textContent;
	}

	document.addEventListener('visibilitychange', follow);
	follow();
})();
